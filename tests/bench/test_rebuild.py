"""The measurement of a rebuild, in small."""

from pathlib import Path

import pytest

from bench import rebuild


def test_every_blob_is_found_again_and_the_figures_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["rebuild", "--blobs", "600", "--bytes", "100", "--folder", str(tmp_path)])
    rebuild.main()
    assert capsys.readouterr().out.startswith("600 blobs of 100 bytes: index built anew in ")
    assert list(tmp_path.iterdir()) == []


def test_a_blob_that_is_not_found_again_is_an_error(tmp_path: Path) -> None:
    rebuild.fill(tmp_path / "blobs", 10, 100)
    with pytest.raises(AssertionError, match="10 of 11"):
        rebuild.rebuild(tmp_path / "blobs", 11)
