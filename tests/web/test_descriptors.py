"""File descriptors, shared between connections and everything else."""

import resource

import pytest

from mys3d import limits
from mys3d.web import descriptors

INFINITE = resource.RLIM_INFINITY
WANTED = limits.connections_max + limits.descriptors_reserve


@pytest.mark.parametrize(("soft", "hard", "expected"), [
    (1024, 524288, WANTED),
    (1024, INFINITE, WANTED),
    (1024, 4096, 4096),
    (1024, 1024, 1024),
    (1 << 20, 1 << 20, 1 << 20),
    (INFINITE, INFINITE, INFINITE),
])  # fmt: skip
def test_the_soft_limit_is_raised_as_far_as_it_may_be_and_never_lowered(soft: int, hard: int, expected: int) -> None:
    assert descriptors.raised(soft, hard) == expected


@pytest.mark.parametrize(("open_files", "expected"), [
    (INFINITE, limits.connections_max),
    (1 << 20, limits.connections_max),
    (WANTED, limits.connections_max),
    (WANTED - 96, limits.connections_max - 96),
    (1024, 512),
])  # fmt: skip
def test_connections_get_what_the_rest_does_not_need(open_files: int, expected: int) -> None:
    assert descriptors.share(open_files) == expected


def test_this_process_gets_what_it_may_have() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        count = descriptors.connections()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert (soft, hard) == (descriptors.raised(*before), before[1])
        assert count == descriptors.share(soft)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_an_operator_is_told_of_few_descriptors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    assert descriptors.connections() == 512
    assert "room for few connections" in capsys.readouterr().out
