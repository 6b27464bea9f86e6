"""What is read from the machine."""

import ipaddress
from pathlib import Path

import pytest

from mys3d.config.sources import outward_address, read_sources


def test_both_files_of_the_directory_are_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("S3_PORT=1\n")
    (tmp_path / "cluster.toml").write_text("[s3]\n")
    found = read_sources(directory=tmp_path)
    assert (found.dotenv, found.toml, found.toml_name) == ("S3_PORT=1\n", "[s3]\n", "cluster.toml")
    assert found.directory == tmp_path


def test_files_that_are_absent_are_empty(tmp_path: Path) -> None:
    found = read_sources(directory=tmp_path)
    assert (found.dotenv, found.toml, found.problems) == ("", "", ())


def test_a_file_asked_for_by_name_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (problem,) = read_sources("other.toml", tmp_path).problems
    assert problem.message == "there is no such file"
    monkeypatch.setenv("MYS3D_CONFIG", "named.toml")
    assert read_sources(directory=tmp_path).toml_name == "named.toml"


def test_a_file_that_is_not_text_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").write_bytes(b"ok \xff")
    (problem,) = read_sources(directory=tmp_path).problems
    assert problem.message == "is not UTF-8 text: byte 3 does not belong"


def test_a_directory_in_place_of_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").mkdir()
    (problem,) = read_sources(directory=tmp_path).problems
    assert problem.message.startswith("cannot be read: ")


def test_the_outward_address_is_an_address() -> None:
    ipaddress.ip_address(outward_address())
