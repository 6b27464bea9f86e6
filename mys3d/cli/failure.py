"""How a command fails.        Floor: top. Called by: every command.

Law: one sentence says what happened, one line says what to type next, and the exit code says the kind; the codes are
promises to scripts, written down in docs/operations.md.
"""

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from mys3d.errors import OutcomeUnknown, Reason, Rejected, Unavailable


class Exit(enum.IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    UNREACHABLE = 4
    DENIED = 5
    NOT_FOUND = 6
    REFUSED = 7
    DEGRADED = 8
    TIMEOUT = 9


class Failure(click.ClickException):
    """A sentence for the operator, what to type next (may be empty), and the exit code."""

    def __init__(self, message: str, hint: str = "", code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code

    @property
    def exit_code(self) -> int:  # type: ignore[override]  # click gives one code to a class, we give one to a failure
        return int(self.code)

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"mys3d: {self.message}", file=file, err=file is None)
        if self.hint:
            click.echo(f"  -> {self.hint}", file=file, err=file is None)


@contextmanager
def as_failures(*kinds: type[Exception]) -> Iterator[None]:
    """Let errors of these kinds end the command as what an operator can mend; a fault of our own goes on as it is."""
    try:
        yield
    except kinds as error:
        failure = failure_of(error)
        if failure is None:
            raise
        raise failure from error


def failure_of(error: BaseException) -> Failure | None:
    """Translate what an operator can mend. None: a fault of our own, whose traceback is worth seeing."""
    if isinstance(error, BaseExceptionGroup):
        found = [failure_of(inner) for inner in error.exceptions]
        return found[0] if found and all(found) else None
    match error:
        case Failure():
            return error
        case Rejected(reason=Reason.TOKEN_INVALID):
            message = "the join token was refused: it was used before, has expired, or belongs to another cluster"
            return Failure(message, "print a new one on a member: mys3d token", Exit.DENIED)
        case Rejected():
            return Failure(f"the cluster refused: {error}", code=Exit.REFUSED)
        case Unavailable():
            return Failure(str(error), code=Exit.UNREACHABLE)
        case OutcomeUnknown():
            return Failure(f"{error}; look at `mys3d status` before trying again", code=Exit.TIMEOUT)
        case OSError():
            where = f" ({error.filename})" if error.filename else ""
            return Failure(f"{error.strerror or error}{where}")
    return None
