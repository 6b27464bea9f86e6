"""Commands that ask a running node."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mys3d.cli.dev_plan import DevPlan
from mys3d.config import Credentials, write_credentials


@pytest.fixture
def node(plan: DevPlan) -> Iterator[Path]:
    """The directory of one running stand-in node."""
    first = plan.nodes[0]
    first.data.mkdir()
    with subprocess.Popen(plan.command(first, None), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        yield first.data
        process.stdin.close()


def test_a_token_is_one_line(mys3d: Any, node: Path) -> None:
    result = mys3d("token", "--data", node)
    assert (result.exit_code, result.stdout) == (0, "MYS1.aa.bb@127.0.0.1:1\n")
    assert json.loads(mys3d("token", "--json", "--data", node).stdout)["expires_at"] == 0


def test_the_status_is_a_table_or_json(mys3d: Any, node: Path) -> None:
    result = mys3d("status", "--data", node)
    assert result.exit_code == 0
    assert "can lose 1 node" in result.stdout
    assert json.loads(mys3d("status", "--json", "--data", node).stdout)["health"] == "healthy"


def test_a_cluster_that_is_not_healthy_has_its_own_exit_code(
    mys3d: Any, node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mys3d.cli import admin_client

    status = admin_client.ask_any(node, "GET", "/status")
    monkeypatch.setattr(admin_client, "ask_any", lambda *_: status | {"health": "degraded"})
    assert mys3d("status", "--data", node).exit_code == 8
    assert mys3d("status", "--json", "--data", node).exit_code == 8


def test_settings_are_shown_and_changed(mys3d: Any, node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mys3d.cli import admin_client

    asked: list[Any] = []

    def answer(_data: Path, method: str, path: str, wanted: object) -> Any:
        asked.append((method, path, wanted))
        return {"write_quorum": "all", "straggler_ms": 100}

    monkeypatch.setattr(admin_client, "ask_any", answer)
    result = mys3d("settings", "write_quorum=all", "straggler_ms=100", "--data", node)
    assert (result.exit_code, result.stdout) == (0, "write_quorum=all\nstraggler_ms=100\n")
    assert asked == [("POST", "/settings", {"write_quorum": "all", "straggler_ms": 100})]
    assert mys3d("settings", "write_quorum", "--data", node).exit_code == 2


def test_a_lost_node_is_removed_by_name_and_insistence(mys3d: Any, node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mys3d.cli import admin_client

    asked: list[Any] = []

    def answer(_data: Path, method: str, path: str, wanted: object) -> Any:
        asked.append((method, path, wanted))
        return {"node": "f" * 32, "name": "n3"}

    monkeypatch.setattr(admin_client, "ask_any", answer)
    result = mys3d("remove", "n3", "--force", "--force", "--data", node)
    assert (result.exit_code, result.stdout.split(" leaves")[0]) == (0, f"n3 ({'f' * 32})")
    assert asked == [("POST", "/remove", {"node": "n3", "force": 2})]


def test_without_a_node_the_status_says_how_to_start_one(mys3d: Any, tmp_path: Path) -> None:
    result = mys3d("status")
    assert result.exit_code == 6
    (tmp_path / "mys3d-data").mkdir()
    result = mys3d("status")
    assert result.exit_code == 4
    assert "-> start it: mys3d start --data" in result.stderr


def test_health_answers_with_its_exit_code(mys3d: Any, node: Path) -> None:
    result = mys3d("health", "--data", node)
    assert (result.exit_code, result.stdout) == (0, "n1 ready\n")
    facts = json.loads((node / "node.json").read_text())
    (node / "node.json").write_text(json.dumps(facts | {"admin": "127.0.0.1:1"}))
    result = mys3d("health", "live", "--data", node)
    assert result.exit_code == 8
    assert "is not live" in result.stderr


def test_a_shell_can_evaluate_the_environment(mys3d: Any, node: Path) -> None:
    write_credentials(node / "credentials", Credentials("KEY", "it's $HOME", "eu-west-3"))
    lines = mys3d("env", "--data", node).stdout
    done = subprocess.run(
        ["sh", "-c", f"{lines}\nexec {sys.executable} -c 'import os, json; print(json.dumps(dict(os.environ)))'"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    found = json.loads(done.stdout)
    assert found["AWS_ACCESS_KEY_ID"] == "KEY"
    assert found["AWS_SECRET_ACCESS_KEY"] == "it's $HOME"
    assert found["AWS_DEFAULT_REGION"] == "eu-west-3"
    assert found["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")


def test_a_node_with_a_certificate_is_reached_by_https(mys3d: Any, node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_credentials(node / "credentials", Credentials("KEY", "the-secret", "us-east-1"))
    monkeypatch.setenv("MYS3D_CERTIFICATE", "c.pem")
    monkeypatch.setenv("MYS3D_CERTIFICATE_KEY", "k.pem")
    assert "export AWS_ENDPOINT_URL=https://127.0.0.1:" in mys3d("env", "--data", node).stdout


def test_a_key_that_was_configured_needs_no_file(mys3d: Any, node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mys3d("env", "--data", node).exit_code == 6
    monkeypatch.setenv("S3_ACCESSKEY", "MINE")
    monkeypatch.setenv("S3_SECRETKEY", "my-own-secret")
    assert "export AWS_ACCESS_KEY_ID=MINE\n" in mys3d("env", "--data", node).stdout


def test_a_file_that_holds_no_credentials_is_named(mys3d: Any, node: Path) -> None:
    (node / "credentials").write_text("nothing")
    result = mys3d("env", "--data", node)
    assert result.exit_code == 1
    assert "is not a credentials file" in result.stderr


def test_help_shows_a_commands_help(mys3d: Any) -> None:
    assert "Usage: mys3d dev kill" in mys3d("help", "dev", "kill").stdout
    assert "Usage: mys3d [OPTIONS] COMMAND" in mys3d("help").stdout
    result = mys3d("help", "nothing")
    assert result.exit_code == 2


def test_the_version_names_python_too(mys3d: Any) -> None:
    assert "(Python 3." in mys3d("version").stdout
