"""The environment and `.env`, each value with where it was read.        Floor: config (pure).

Called by: load.py. Law: the environment wins over `.env`; a MYS3D_ variable that is not ours is a mistake worth saying.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from dotenv.parser import parse_stream

from mys3d.config.record import Problem
from mys3d.config.settings import BY_VARIABLE, OTHER_VARIABLES
from mys3d.config.sources import DOTENV_NAME

# Kubernetes puts MYS3D_PORT=tcp://... and the like into pods when a service is called mys3d.
_SERVICE_LINK_PREFIXES: Final = ("MYS3D_SERVICE_", "MYS3D_PORT_")
_SERVICE_LINK_NAME: Final = "MYS3D_PORT"


@dataclass(slots=True)
class Variables:
    """Name -> (value, where it was read). Empty values count as not set."""

    found: dict[str, tuple[str, str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_variables(environ: Mapping[str, str], dotenv: str) -> Variables:
    variables = Variables()
    for name, value, where in [*_dotenv(dotenv, variables.problems), *((n, v, n) for n, v in environ.items())]:
        text = value.strip()
        if text and _is_ours(name, text, where, variables):
            variables.found[name] = (text, where)
    return variables


def _dotenv(text: str, problems: list[Problem]) -> list[tuple[str, str, str]]:
    entries = []
    for binding in parse_stream(io.StringIO(text)):
        where = f"{DOTENV_NAME}:{binding.original.line + _leading_lines(binding.original.string)}:1"
        if binding.error:
            problems.append(Problem(where, "this line is not NAME=value"))
        elif binding.key is not None:
            entries.append((binding.key, binding.value or "", f"{where} {binding.key}"))
    return entries


def _leading_lines(text: str) -> int:
    """A binding of python-dotenv starts with the blank lines before it."""
    return text[: len(text) - len(text.lstrip())].count("\n")


def _is_ours(name: str, value: str, where: str, variables: Variables) -> bool:
    """False for what configures nothing: a service link (noted), an unknown MYS3D_ name (a problem)."""
    is_link = name == _SERVICE_LINK_NAME and value.startswith("tcp://")
    if is_link or name.startswith(_SERVICE_LINK_PREFIXES):
        variables.notes.append(f"{name} is a service link of Kubernetes, it configures nothing")
        return False
    if not name.startswith("MYS3D_") or name in BY_VARIABLE or name in OTHER_VARIABLES:
        return True
    near = get_close_matches(name, [*BY_VARIABLE, *OTHER_VARIABLES], n=1)
    guess = f" - did you mean {near[0]}?" if near else ""
    variables.problems.append(Problem(where, f"unknown variable{guess}"))
    return False
