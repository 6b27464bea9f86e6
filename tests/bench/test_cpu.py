"""CPU of processes, and the file that says which ones."""

import json
import os
from pathlib import Path

import pytest

from mys3d.bench.cpu import CpuMeter, host_of, process_seconds, read_ready_file


def spend(seconds: float) -> None:
    before = process_seconds(os.getpid())
    while process_seconds(os.getpid()) < before + seconds:
        sum(range(10_000))


def test_the_cpu_of_a_process_grows_while_it_works() -> None:
    meter = CpuMeter({"me": os.getpid()})
    spend(0.05)
    assert 0.04 < meter.spent()["me"] < 5.0
    assert 0.03 < meter.own() < 5.0


def test_a_process_that_is_gone_is_an_error() -> None:
    with pytest.raises(ProcessLookupError, match="999999999"):
        process_seconds(999_999_999)


def test_the_ready_file_says_where_who_and_which_processes(tmp_path: Path) -> None:
    node = {"name": "n1", "pid": 42, "s3": "http://127.0.0.1:9000", "admin": "http://127.0.0.1:9001", "data": "/d"}
    text = json.dumps({"access_key": "A", "secret_key": "S", "region": "eu-west-3", "bucket": "demo", "nodes": [node]})
    (tmp_path / "ready").write_text(text)
    found = read_ready_file(tmp_path / "ready")
    assert (found.endpoints, found.pids) == (("127.0.0.1:9000",), {"n1": 42})
    assert (found.access_key, found.secret_key, found.region, found.bucket) == ("A", "S", "eu-west-3", "demo")


@pytest.mark.parametrize("url", ["127.0.0.1:9000", "http://127.0.0.1:9000", "http://127.0.0.1:9000/"])
def test_an_endpoint_may_be_written_as_url_or_host(url: str) -> None:
    assert host_of(url) == "127.0.0.1:9000"


@pytest.mark.parametrize("url", ["", "https://h:1", "http://h", "http://h:port", "http://h:1/path", ":9"])
def test_anything_else_is_no_endpoint(url: str) -> None:
    with pytest.raises(ValueError, match="an endpoint is"):
        host_of(url)
