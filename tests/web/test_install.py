"""Our handler stands in Hypercorn, and in no other release of it."""

import importlib.metadata

import hypercorn.trio.run
import pytest

from mys3d.web.connection import Connection
from mys3d.web.install import install


def test_hypercorn_makes_our_connections() -> None:
    install()
    install()
    assert vars(hypercorn.trio.run)["TCPServer"] is Connection


def test_another_hypercorn_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.19.0")
    with pytest.raises(AssertionError, match=r"0\.19\.0"):
        install()
