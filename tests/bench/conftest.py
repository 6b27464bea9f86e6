"""Stores for the bench to measure."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from mys3d.bench.trust import Trust
from tests.bench.tiny_store import TinyStore, certificate, tiny_store


@pytest.fixture
def store() -> Iterator[TinyStore]:
    with tiny_store() as running:
        yield running


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[TinyStore, ssl.SSLContext]]:
    """A store over TLS, and what believes its certificate."""
    shown, authority = certificate(tmp_path)
    with tiny_store(shown) as running:
        yield running, Trust(authority).context()
