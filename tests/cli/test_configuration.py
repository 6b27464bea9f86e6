"""From words to a configuration."""

from pathlib import Path
from typing import Any

import pytest

from mys3d.cli.configuration import config_of, data_directory
from mys3d.cli.failure import Exit, Failure


@pytest.fixture(autouse=True)
def empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MYS3D_DATA", raising=False)


def test_the_file_of_this_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").write_text('[node]\nzone = "home"\n')
    assert config_of({}).zone == "home"
    assert config_of({"zone": "garage"}).zone == "garage"


def test_problems_end_the_command_with_their_own_code(tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").write_text("[node]\nzoen = 1\n")
    with pytest.raises(Failure) as caught:
        config_of({"port": "many", "bucket": "A"})
    assert caught.value.code == Exit.CONFIG
    assert 'cluster.toml:2:1: unknown key "zoen" in [node] - did you mean "zone"?' in caught.value.message
    assert '--port: port must be a whole number from 1 to 65533, found "many"' in caught.value.message
    assert "a bucket name has 3 to 63 characters" in caught.value.message


def test_a_command_is_about_the_named_directory_first(tmp_path: Path, monkeypatch: Any) -> None:
    assert data_directory(None) == tmp_path / "mys3d-data"
    (tmp_path / "cluster.toml").write_text('[node]\ndata = "/srv/s3"\n')
    assert data_directory(None) == Path("/srv/s3")
    monkeypatch.setenv("MYS3D_DATA", "/srv/other")
    assert data_directory(None) == Path("/srv/other")
    assert data_directory("flagged") == tmp_path / "flagged"
