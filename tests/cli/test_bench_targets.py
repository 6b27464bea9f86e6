"""Which stores are measured, from what was typed."""

import json
import os
from pathlib import Path

import pytest

from mys3d.bench.sign import Keys
from mys3d.bench.target import Target
from mys3d.bench.trust import SYSTEM, Trust
from mys3d.cli.bench_targets import Givers, of_directory, refuse_twins, target_of, trust_of
from mys3d.cli.failure import Exit, Failure
from mys3d.config import generate_credentials, write_credentials
from tests.bench.tiny_store import tiny_store

URL = "http://127.0.0.1:1"


def givers(*keys: str, pids: tuple[str, ...] = (), **environ: str) -> Givers:
    return Givers(keys, pids, "eu-west-3", environ)


def test_a_target_at_urls_has_the_keys_that_were_given() -> None:
    found = target_of(f"a={URL},http://h:2", givers("a=K:S"), "bench")
    assert found == Target("a", ("127.0.0.1:1", "h:2"), Keys("K", "S", "eu-west-3"), "bench", {})


@pytest.mark.parametrize(
    ("environ", "keys"),
    [
        ({"BENCH_KEYS_A_B": "E:F"}, ("E", "F")),
        ({"AWS_ACCESS_KEY_ID": "W", "AWS_SECRET_ACCESS_KEY": "X"}, ("W", "X")),
        ({"BENCH_KEYS_A_B": "E:F", "AWS_ACCESS_KEY_ID": "W", "AWS_SECRET_ACCESS_KEY": "X"}, ("E", "F")),
    ],
)
def test_keys_may_come_from_the_environment(environ: dict[str, str], keys: tuple[str, str]) -> None:
    assert target_of(f"a-b={URL}", givers(**environ), "bench").keys == Keys(*keys, "eu-west-3")


def test_processes_are_those_that_were_named_or_those_that_listen() -> None:
    assert target_of(f"a={URL}", givers("a=K:S", pids=("a=7,8",)), "b").pids == {"pid 7": 7, "pid 8": 8}
    with tiny_store() as store:
        here = target_of(f"a=http://{store.endpoint}", givers("a=K:S"), "b")
    assert here.pids == {f"pid {os.getpid()}": os.getpid()}


def test_a_ready_file_says_everything(tmp_path: Path) -> None:
    with tiny_store() as store:
        found = target_of(f"m={store.ready_file(tmp_path, 7)}", givers(), "bench")
    assert (found.endpoints, found.pids, found.keys.access_key) == ((store.endpoint,), {"n1": 7}, "A")


def node_directory(folder: Path) -> Path:
    facts = {"name": "n1", "pid": os.getpid(), "s3": "http://127.0.0.1:9000", "admin": "http://127.0.0.1:9001"}
    (folder / "node.json").write_text(json.dumps(facts))
    return folder


def test_a_directory_says_which_nodes_run_and_with_which_keys(tmp_path: Path) -> None:
    credentials = generate_credentials("eu-west-3")
    write_credentials(tmp_path / "credentials", credentials)
    found = target_of(f"m={node_directory(tmp_path)}", givers(), "bench")
    assert (found.endpoints, found.pids) == (("127.0.0.1:9000",), {"n1": os.getpid()})
    assert found.keys == Keys(credentials.access_key, credentials.secret_key, "eu-west-3")


def test_a_directory_without_a_running_node_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no node runs in") as refused:
        target_of(f"m={tmp_path}", givers(), "bench")
    assert refused.value.code == Exit.UNREACHABLE


def test_a_directory_without_keys_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="credentials does not exist") as refused:
        of_directory("m", node_directory(tmp_path), "bench")
    assert refused.value.code == Exit.NOT_FOUND
    (tmp_path / "credentials").write_text("nonsense")
    with pytest.raises(Failure, match="is not a credentials file"):
        of_directory("m", node_directory(tmp_path), "bench")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (URL, "--target: expected NAME=URL"),
        ("=x", "--target: expected NAME=URL"),
        (
            "a=/nowhere",
            "target a: expected http://HOST:PORT, https://HOST:PORT, a ready file or a data directory, found /nowhere",
        ),
        ("a=ftp://h:1", "target a: expected an endpoint http://HOST:PORT or https://HOST:PORT, found 'ftp://h:1'"),
        ("a=http://h:1,https://h:2", "target a: expected endpoints of one kind, found http and https"),
        (f"a={URL}", "target a has no keys"),
    ],
)
def test_what_is_no_target_is_told(text: str, message: str) -> None:
    with pytest.raises(Failure) as refused:
        target_of(text, givers(), "bench")
    assert refused.value.message.startswith(message)
    assert refused.value.code == Exit.USAGE


def test_a_file_that_is_no_ready_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("{}")
    with pytest.raises(Failure, match="is not what"):
        target_of(f"a={tmp_path / 'x'}", givers(), "bench")


@pytest.mark.parametrize("keys", ["a=K", "a=:S", "a=K:"])
def test_half_a_key_is_refused_and_not_shown(keys: str) -> None:
    with pytest.raises(Failure, match=r"keys of a: expected ACCESS:SECRET$"):
        target_of(f"a={URL}", givers(keys), "bench")


def test_a_pair_without_a_name_does_not_show_its_secret() -> None:
    with pytest.raises(Failure) as refused:
        givers("KEY:SECRET")
    assert "SECRET" not in refused.value.message.replace("ACCESS:SECRET", "")


def test_ids_that_are_none_are_told() -> None:
    with pytest.raises(Failure, match="--pids: expected a=PID,PID, found a=x"):
        target_of(f"a={URL}", givers("a=K:S", pids=("a=x",)), "bench")


def test_two_of_one_name_and_keys_for_nobody_are_told() -> None:
    target = target_of(f"a={URL}", givers("a=K:S"), "bench")
    with pytest.raises(Failure, match="two targets are called a"):
        refuse_twins([target, target], givers())
    with pytest.raises(Failure, match="there is no target c"):
        refuse_twins([target], givers("c=K:S"))


def test_a_target_over_tls_believes_whom_it_was_told_to() -> None:
    assert trust_of(None, False) == SYSTEM
    anybody = Givers(("a=K:S",), (), "r", {}, trust_of(None, True))
    target = target_of("a=https://127.0.0.1:1", anybody, "bench")
    assert target.tls is not None and not target.tls.check_hostname
    refuse_twins([target], anybody)


def test_words_about_certificates_that_do_not_hold_are_told(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="--ca and --insecure exclude each other"):
        trust_of(tmp_path / "ca.pem", True)
    with pytest.raises(Failure, match=r"--ca: .*ca\.pem holds no certificates in PEM: No such file"):
        trust_of(tmp_path / "ca.pem", False)
    plain = Givers(("a=K:S",), (), "r", {}, Trust(verifies=False))
    with pytest.raises(Failure, match="--ca and --insecure are for targets at https://, and there is none"):
        refuse_twins([target_of(f"a={URL}", plain, "bench")], plain)
