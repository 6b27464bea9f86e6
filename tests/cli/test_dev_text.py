"""What `mys3d dev` prints."""

import dataclasses
from pathlib import Path

from mys3d.cli.dev_plan import DevPlan
from mys3d.cli.dev_text import Surroundings, banner


def here(directory: Path, *on_path: str) -> Surroundings:
    return Surroundings(directory, directory / ".venv" / "bin", frozenset(on_path))


def test_programs_are_typed_as_they_can_be_found(plan: DevPlan, tmp_path: Path) -> None:
    text = banner(plan, here(tmp_path), 3.1, True)
    assert 'eval "$(.venv/bin/mys3d env --data .)"' in text
    assert ".venv/bin/aws s3 cp" in text
    text = banner(plan, here(tmp_path, "mys3d", "aws"), 3.1, True)
    assert 'eval "$(mys3d env --data .)"' in text


def test_the_usual_directory_needs_no_option(plan: DevPlan, tmp_path: Path) -> None:
    usual = dataclasses.replace(plan, data=tmp_path / "mys3d-data")
    text = banner(usual, here(tmp_path), 3.1, True)
    assert ".venv/bin/mys3d dev kill n2\n" in text
    assert "--data" not in text


def test_a_directory_with_a_blank_is_quoted(plan: DevPlan, tmp_path: Path) -> None:
    other = dataclasses.replace(plan, data=Path("/srv/my data"))
    assert "--data '/srv/my data'" in banner(other, here(tmp_path), 3.1, True)


def test_a_file_that_is_there_is_copied_else_text(plan: DevPlan, tmp_path: Path) -> None:
    assert "echo hello | .venv/bin/aws s3 cp - s3://demo/hello" in banner(plan, here(tmp_path), 1, True)
    (tmp_path / "README.md").touch()
    assert "  .venv/bin/aws s3 cp README.md s3://demo/\n" in banner(plan, here(tmp_path), 1, True)


def test_the_keys_and_where_they_are_kept_are_told(plan: DevPlan, tmp_path: Path) -> None:
    text = banner(plan, here(tmp_path.parent), 1, True)
    assert "THEKEY" in text
    assert f"saved in {tmp_path.name}/credentials, mode 600" in text


def test_copies_on_their_way_are_not_hidden(plan: DevPlan, tmp_path: Path) -> None:
    assert "copies are still on their way" in banner(plan, here(tmp_path), 1, False)
    assert "copies are still on their way" not in banner(plan, here(tmp_path), 1, True)
