"""Builders of the command line's tests: a dev cluster of stand-in nodes, and a command as a user types it."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mys3d.cli.dev_plan import DevPlan, plan_nodes
from mys3d.cli.root import root
from mys3d.config import Credentials
from tests.free_ports import free_port_run

STAND_IN = Path(__file__).with_name("stand_in_node.py")


@pytest.fixture
def plan(tmp_path: Path) -> DevPlan:
    """Three stand-in nodes."""
    return DevPlan(
        data=tmp_path,
        nodes=plan_nodes(tmp_path, free_port_run(), 3),
        credentials=Credentials("THEKEY", "the-secret-key"),
        bucket="demo",
        registry=None,
        log_level="info",
        program=(sys.executable, str(STAND_IN)),
    )


@pytest.fixture
def mys3d(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Type a command in an empty directory, with nothing configured from outside."""
    for name in ("S3_ENDPOINT", "S3_PORT", "S3_ACCESSKEY", "S3_SECRETKEY", "S3_BUCKET", "DB_BOLT_PATH", "MYS3D_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*words: Any) -> Result:
        return CliRunner().invoke(root, [str(word) for word in words], prog_name="mys3d")

    return run
