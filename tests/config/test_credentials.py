"""The credentials file."""

import os
import stat
from pathlib import Path

import pytest

from mys3d.config.credentials import Credentials, generate_credentials, read_credentials, write_credentials


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    for credentials in (Credentials("KEY", "p%cent$=+/", "eu-west-3"), generate_credentials("us-east-1")):
        write_credentials(path, credentials)
        assert read_credentials(path) == credentials


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    before = os.umask(0)
    try:
        write_credentials(path, Credentials("KEY", "secret-secret"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["credentials"]


def test_no_file_gives_no_credentials(tmp_path: Path) -> None:
    assert read_credentials(tmp_path / "credentials") is None


@pytest.mark.parametrize("text", ["", "no section\n", "[default]\naws_access_key_id = A\n", "[other]\na = b\n"])
def test_another_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "credentials"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not a credentials file"):
        read_credentials(path)


def test_generated_keys_have_the_shape_of_those_of_aws_and_differ() -> None:
    first, second = generate_credentials("us-east-1"), generate_credentials("us-east-1")
    assert (len(first.access_key), len(first.secret_key)) == (20, 40)
    assert first.access_key.isalnum() and first.secret_key.isalnum()
    assert first != second


def test_a_secret_is_not_in_the_repr() -> None:
    assert "hidden-secret" not in repr(Credentials("KEY", "hidden-secret"))
