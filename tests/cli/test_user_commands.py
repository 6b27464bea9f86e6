"""What `mys3d user` and `mys3d key` ask, and what they say."""

import json
from pathlib import Path
from typing import Any

import pytest

from mys3d.cli import admin_client
from mys3d.cli.failure import Exit, Failure

ANN = {"id": "a" * 64, "name": "ann", "email": "", "access_keys": ["K1", "K2"]}
KEY = {"access_key": "K3", "secret_key": "s3", "user": "ann", "user_id": "a" * 64}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was asked of a node that knows Ann."""
    found: list[Any] = []
    answers = {"/user-create": ANN, "/user-list": [ANN], "/user-delete": ANN, "/key-create": KEY, "/key-delete": KEY}

    def answer(_data: Path, method: str, path: str, wanted: object) -> Any:
        found.append((method, path, wanted))
        return answers[path]

    monkeypatch.setattr(admin_client, "ask_any", answer)
    return found


def test_users_are_created_listed_and_deleted(mys3d: Any, asked: list[Any]) -> None:
    line = f"{'a' * 64}  ann\n"
    assert mys3d("user", "create", "ann", "--email", "a@b.c").stdout == line
    assert mys3d("user", "list").stdout == line
    assert mys3d("user", "delete", "ann").stdout == f"deleted {line}"
    assert asked == [
        ("POST", "/user-create", {"name": "ann", "email": "a@b.c"}),
        ("POST", "/user-list", {}),
        ("POST", "/user-delete", {"user": "ann"}),
    ]
    assert json.loads(mys3d("user", "list", "--json").stdout) == [ANN]
    assert json.loads(mys3d("user", "create", "ann", "--json").stdout) == ANN


def test_keys_are_created_listed_and_deleted(mys3d: Any, asked: list[Any]) -> None:
    assert mys3d("key", "create", "ann").stdout == "access key  K3\nsecret key  s3\n"
    assert mys3d("key", "list", "ann").stdout == "K1  ann\nK2  ann\n"
    assert mys3d("key", "delete", "K3").stdout == "deleted K3\n"
    assert asked == [
        ("POST", "/key-create", {"user": "ann"}),
        ("POST", "/user-list", {"user": "ann"}),
        ("POST", "/key-delete", {"access_key": "K3"}),
    ]
    assert json.loads(mys3d("key", "create", "ann", "--json").stdout) == KEY
    assert json.loads(mys3d("key", "list", "--json").stdout)[0] == {"access_key": "K1", "user": "ann"}


def test_nothing_to_list_prints_nothing(mys3d: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_client, "ask_any", lambda *_: [])
    assert mys3d("user", "list").stdout == ""
    assert mys3d("key", "list").stdout == ""


def test_a_refusal_is_told(mys3d: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Any:
        raise Failure("n1 answered 409: no-such-user: carl")

    monkeypatch.setattr(admin_client, "ask_any", refuse)
    result = mys3d("key", "create", "carl")
    assert result.exit_code == Exit.FAILED
    assert "no-such-user: carl" in result.output
