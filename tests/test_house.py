"""The house rules that no linter knows: sizes, door plates, and a test for every module."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mys3d"
LINES_MAX = 400
FUNCTION_LINES_MAX = 60

SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")])
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_is_one_room(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= LINES_MAX, f"{name_of(path)} has {lines} lines, a room has at most {LINES_MAX}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_function_fits_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            assert lines <= FUNCTION_LINES_MAX, f"{name_of(path)}:{node.lineno} {node.name} has {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_has_its_door_plate(path: Path) -> None:
    plate = ast.get_docstring(ast.parse(path.read_text()))
    assert plate, f"{name_of(path)} has no docstring"
    assert "Floor:" in plate or path.name == "__init__.py", f"{name_of(path)} does not name its floor"


def has_code(path: Path) -> bool:
    """True unless the module only declares: imports, constants, classes without methods."""
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ast.unparse(node.body[-1]) != "..."
        for node in ast.walk(ast.parse(path.read_text()))
    )


@pytest.mark.parametrize("path", [path for path in MODULES if has_code(path)], ids=name_of)
def test_every_module_has_its_test(path: Path) -> None:
    inside = path.relative_to(PACKAGE)
    name = "test_init.py" if inside.name == "__init__.py" else f"test_{inside.name.strip('_')}"
    if inside.name == "__init__.py":
        name = f"test_{inside.parent.name or 'mys3d'}.py"
        places = [ROOT / "tests" / inside.parent / name, ROOT / "tests" / inside.parent.parent / name]
    else:
        places = [ROOT / "tests" / inside.parent / name]
    assert any(place.exists() for place in places), f"{name_of(path)} has no test at {places[0].relative_to(ROOT)}"
