"""cluster.toml as typed values that know their line and column.        Floor: config (pure). Called by: load.py.

Law: lines are exact without a parser of our own: a statement starts after the longest readable prefix of the file in
which its path does not exist yet, because no prefix that ends inside a statement can be read.
"""

import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from mys3d.config.record import Problem
from mys3d.config.settings import BY_PATH, TABLES

_PLACE: Final = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TomlText:
    """A file's name and lines, and what was read from it: path -> value."""

    name: str
    lines: tuple[str, ...]
    found: dict[str, object]
    problems: tuple[Problem, ...]

    def problem_at(self, path: str, message: str) -> Problem:
        line, column = locate(self.lines, path)
        return _problem(self.name, self.lines, line, column, message)


def read_toml(name: str, text: str) -> TomlText:
    """Return the known keys of a file, and a problem for everything else in it."""
    lines = tuple(text.splitlines())
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return TomlText(name, lines, {}, (_syntax_problem(name, lines, error),))
    found: dict[str, object] = {}
    unknown: list[tuple[int, int, str]] = []
    for table, content in document.items():
        if table not in TABLES:
            unknown.append((*locate(lines, table), f'unknown table "{table}"{_guess(table, list(TABLES))}'))
        elif not isinstance(content, dict):
            unknown.append((*locate(lines, table), f"{table} must be a table, written [{table}]"))
        else:
            unknown += _take_table(lines, table, content, found)
    problems = tuple(_problem(name, lines, *entry) for entry in sorted(unknown))
    return TomlText(name, lines, found, problems)


def _take_table(
    lines: tuple[str, ...], table: str, content: dict[str, Any], found: dict[str, object]
) -> list[tuple[int, int, str]]:
    known = [path.split(".")[1] for path in BY_PATH if path.startswith(f"{table}.")]
    unknown = []
    for key, value in content.items():
        if key in known:
            found[f"{table}.{key}"] = value
        else:
            unknown.append(
                (*locate(lines, f"{table}.{key}"), f'unknown key "{key}" in [{table}]{_guess_key(table, key, known)}')
            )
    return unknown


def _guess_key(table: str, key: str, known: list[str]) -> str:
    """A near name of the same table, else the table in which this very key does exist."""
    elsewhere = [path for path in BY_PATH if path.endswith(f".{key}")]
    return _guess(key, known) or (f" - it belongs to [{elsewhere[0].split('.')[0]}]" if elsewhere else "")


def _guess(word: str, known: list[str]) -> str:
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f' - did you mean "{near[0]}"?' if near else ""


def locate(lines: tuple[str, ...], path: str) -> tuple[int, int]:
    """Return the 1-based line and column where the statement that makes `path` starts."""
    readable_count = 0
    for count in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:count]) + "\n")
        except tomllib.TOMLDecodeError:
            continue
        if _has(document, path.split(".", 1)):
            return readable_count + 1, _column(lines[readable_count], path)
        readable_count = count
    return 1, 1


def _has(document: dict[str, Any], parts: list[str]) -> bool:
    head, *rest = parts
    if head not in document:
        return False
    return not rest or (isinstance(document[head], dict) and rest[0] in document[head])


def _column(line: str, path: str) -> int:
    """Where the key itself stands in the line: it may be dotted, or inside an inline table."""
    match = re.search(rf"(?<![\w-]){re.escape(path.split('.', 1)[-1])}(?![\w-])", line)
    return (match.start() if match else len(line) - len(line.lstrip())) + 1


def _syntax_problem(name: str, lines: tuple[str, ...], error: tomllib.TOMLDecodeError) -> Problem:
    match = _PLACE.fullmatch(str(error))
    message = match[1] if match else str(error)
    if match is None or match[2] is None:
        return _problem(name, lines, max(len(lines), 1), 1, f"this is not TOML: {message}")
    return _problem(name, lines, int(match[2]), int(match[3]), f"this is not TOML: {message}")


def _problem(name: str, lines: tuple[str, ...], line: int, column: int, message: str) -> Problem:
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    is_shown = text and "secret" not in text  # a secret is never printed, not even a misplaced one
    return Problem(f"{name}:{line}:{column}", message, f"{line:>5} | {text}" if is_shown else "")
