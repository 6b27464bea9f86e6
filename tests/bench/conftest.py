"""Stores for the bench to measure."""

from collections.abc import Iterator

import pytest

from tests.bench.tiny_store import TinyStore, tiny_store


@pytest.fixture
def store() -> Iterator[TinyStore]:
    with tiny_store() as running:
        yield running
