"""What a person sees while a bench runs."""

import sys

import pytest

from mys3d.cli.bench_progress import Progress


def go_through(progress: Progress) -> None:
    with progress:
        progress.expects(2)
        progress.tells("put: preparing [x]")
        progress.measures("put 4K x 1 · mys3d")
        progress.measures("put 4K x 1 · other")


def test_without_a_terminal_there_are_sentences_and_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    go_through(Progress(is_quiet=False))
    assert capsys.readouterr().err == "put: preparing [x]\n"


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    go_through(Progress(is_quiet=True))
    assert capsys.readouterr().err == ""


def test_on_a_terminal_a_bar_counts_the_slices(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    go_through(Progress(is_quiet=False))
    shown = capsys.readouterr().err
    assert "put: preparing [x]" in shown
    assert "2/2" in shown
