"""`mys3d config check`."""

from pathlib import Path
from typing import Any


def test_what_a_node_would_use_is_shown_and_defaults_are_noted(mys3d: Any) -> None:
    result = mys3d("config", "check", "--port", "9100")
    assert result.exit_code == 0
    assert "s3         0.0.0.0:9100 as http://" in result.stdout
    assert "note: S3_BUCKET is not set" in result.stderr


def test_every_problem_is_shown_and_nothing_else(mys3d: Any, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("S3_PORT= nine\nS3_ACCESSKEY= your-S3-accesskey\n")
    result = mys3d("config", "check", "--capacity", "lots")
    assert result.exit_code == 3
    assert result.stdout == ""
    for words in (".env:1:1 S3_PORT: port must be", "placeholders", "--capacity: capacity must be", "nothing started"):
        assert words in result.stderr


def test_a_secret_is_never_shown(mys3d: Any, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("S3_ACCESSKEY=SOMEKEY\nS3_SECRETKEY=never-shown-anywhere\n")
    result = mys3d("config", "check")
    assert result.exit_code == 0
    assert "SOMEKEY" in result.stdout
    assert "never-shown" not in result.output
