"""Targets, and the file that says where a dev cluster is."""

from pathlib import Path

import pytest

from mys3d.bench.sign import Keys
from mys3d.bench.target import Target, host_of, places_of, probe, read_ready_file
from mys3d.bench.trust import SYSTEM, Trust
from mys3d.errors import Unavailable


def test_the_ready_file_says_where_who_and_which_processes(store, tmp_path: Path) -> None:
    found = read_ready_file("mys3d", store.ready_file(tmp_path, 42), "bench")
    assert found == Target("mys3d", (store.endpoint,), Keys("A", "S", "eu-west-3"), "bench", {"n1": 42})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"access_key": "A"}'])
def test_another_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "other").write_text(text)
    with pytest.raises(ValueError, match="other is not what"):
        read_ready_file("mys3d", tmp_path / "other", "bench")


@pytest.mark.parametrize(
    "url", ["127.0.0.1:9000", "http://127.0.0.1:9000", "http://127.0.0.1:9000/", "https://127.0.0.1:9000/"]
)
def test_an_endpoint_may_be_written_as_url_or_host(url: str) -> None:
    assert host_of(url) == "127.0.0.1:9000"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://h:1",
        "://h:1",
        "https://http://h:1",
        "http://h",
        "http://h:port",
        "http://h:1/path",
        ":9",
        "h:0",
        "h:70000",
    ],
)
def test_anything_else_is_no_endpoint(url: str) -> None:
    with pytest.raises(ValueError, match="expected an endpoint"):
        host_of(url)


def test_a_target_that_is_down_is_told_by_name_and_address(store) -> None:
    probe(store.target())
    with pytest.raises(Unavailable, match=r"target other does not answer at http://127\.0\.0\.1:1: .*refused"):
        probe(Target("other", ("127.0.0.1:1",), Keys("A", "S"), "b", {}))


def test_tls_is_spoken_to_all_endpoints_of_a_target_or_to_none() -> None:
    assert places_of(["h:1", "http://h:2"], SYSTEM) == (("h:1", "h:2"), None)
    hosts, tls = places_of(["https://h:1", "https://h:2"], SYSTEM)
    assert (hosts, tls is None) == (("h:1", "h:2"), False)
    with pytest.raises(ValueError, match="expected endpoints of one kind, found http and https"):
        places_of(["https://h:1", "http://h:2"], SYSTEM)


def test_a_ready_file_may_name_endpoints_over_tls(store, tmp_path: Path) -> None:
    ready = store.ready_file(tmp_path, 42, "https")
    assert read_ready_file("m", ready, "bench", Trust(verifies=False)).url_of("h:1") == "https://h:1"


def test_a_certificate_that_does_not_verify_is_told_with_what_would_help(secure) -> None:
    store, tls = secure
    probe(store.target("safe", tls))
    with pytest.raises(Unavailable) as refused:
        probe(store.target("safe", SYSTEM.context()))
    where = f"target safe shows a certificate at https://{store.endpoint} that does not verify: "
    help_is = "; --ca FILE names an authority to trust, --insecure trusts anybody"
    assert str(refused.value) == f"{where}self-signed certificate in certificate chain{help_is}"


def test_a_store_that_speaks_no_tls_does_not_answer(store) -> None:
    with pytest.raises(Unavailable, match=r"target plain does not answer at https://.*SSL"):
        probe(store.target("plain", SYSTEM.context()))
