"""docs/operations.md says what the code does."""

from pathlib import Path

from mys3d.cli.failure import Exit
from mys3d.cli.root import COMMANDS
from mys3d.config.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()


def test_every_command_stands_on_the_page_with_its_sentence() -> None:
    for name, (_, _, words) in COMMANDS.items():
        assert f"| `mys3d {name}` | {words} |\n" in PAGE


def test_every_exit_code_stands_on_the_page() -> None:
    for code in Exit:
        assert f"\n| {int(code)} | " in PAGE


def test_every_setting_stands_on_the_page_with_its_names_and_default() -> None:
    for setting in SETTINGS:
        ancestor = f"`{setting.ancestor}`" if setting.ancestor else ""
        assert f"| `{setting.path}` | `{setting.variable}` | {ancestor} | {setting.default} |\n" in PAGE


def test_the_readme_stays_short_and_its_links_lead_somewhere() -> None:
    import re

    text = (ROOT / "README.md").read_text()
    assert text.count("\n") <= 90
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / target).exists(), target
