"""What an operator is told, and with which exit code."""

import pytest
from click.testing import CliRunner

from mys3d.cli.failure import Exit, Failure, as_failures, failure_of
from mys3d.errors import OutcomeUnknown, Reason, Rejected, Unavailable


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (Rejected(Reason.TOKEN_INVALID), Exit.DENIED, "the join token was refused"),
        (Rejected(Reason.MEMBER_EXISTS, "n1"), Exit.REFUSED, "the cluster refused: member-exists: n1"),
        (Unavailable("no leader"), Exit.UNREACHABLE, "no leader"),
        (OutcomeUnknown(b"\1" * 16), Exit.TIMEOUT, "look at `mys3d status`"),
        (PermissionError(13, "Permission denied", "/srv/s3"), Exit.FAILED, "Permission denied (/srv/s3)"),
        (ExceptionGroup("two", [ExceptionGroup("one", [Unavailable("gone")])]), Exit.UNREACHABLE, "gone"),
    ],
)
def test_what_an_operator_can_mend_becomes_a_sentence_and_a_code(error: Exception, code: Exit, words: str) -> None:
    failure = failure_of(error)
    assert failure is not None
    assert failure.code == failure.exit_code == code
    assert words in failure.message


def test_a_fault_of_our_own_keeps_its_traceback() -> None:
    assert failure_of(AssertionError("a promise")) is None
    assert failure_of(ExceptionGroup("mixed", [Unavailable("gone"), AssertionError("a promise")])) is None


def test_errors_of_the_named_kinds_end_a_command_as_failures() -> None:
    error = Unavailable("no leader")
    with pytest.raises(Failure, match="no leader") as caught, as_failures(Unavailable):
        raise error
    assert caught.value.code == Exit.UNREACHABLE
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [AssertionError("a promise"), OSError("of a kind that was not named")])
def test_other_errors_go_on_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, as_failures(Unavailable, AssertionError):
        raise error
    assert caught.value is error


def test_a_failure_is_shown_with_what_to_type_next() -> None:
    import click

    @click.command()
    def command() -> None:
        raise Failure("it did not work", "try: mys3d help", Exit.DENIED)

    result = CliRunner().invoke(command)
    assert result.exit_code == 5
    assert result.stderr == "mys3d: it did not work\n  -> try: mys3d help\n"
    assert result.stdout == ""


def test_the_codes_are_the_promised_ones() -> None:
    assert [int(code) for code in Exit] == list(range(10))
