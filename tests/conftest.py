"""How `make test` shares the tests among its two workers, and how they log.

One takes all that start clusters of processes, one cluster after the other, and the files that are left then; the other
takes file after file. So fixtures of a file or a folder are made once, and clusters do not get into each other's way.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import structlog

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

PROCESSES = ("tests/system/", "tests/clients/")  # whose tests start clusters, some of them shared


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Clusters first: they take longest."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: not item.nodeid.startswith(PROCESSES))


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> Iterator[None]:
    """Drawing a traceback with all its variables holds up whoever logs it for seconds on a busy machine."""
    before = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before[:-1], plain])
    yield
    structlog.configure(processors=before)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "LoadScopeScheduling":
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "clusters" if nodeid.startswith(PROCESSES) else nodeid.partition("::")[0]

    return ByFile(config, log)
