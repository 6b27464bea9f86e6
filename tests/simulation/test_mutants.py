"""Every planted bug finds the name that it exchanges, and leaves the product as it was."""

from contextlib import ExitStack

import pytest

from mys3d.consensus import transport
from mys3d.consensus.messages import GATED
from tests.simulation.mutants import MUTANTS


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_can_be_planted_and_is_taken_out_again(name: str) -> None:
    with ExitStack() as stack:
        MUTANTS[name].plant(stack)
    assert transport.messages.GATED is GATED


def test_there_are_at_least_ten_of_them_each_with_its_sentence() -> None:
    assert len(MUTANTS) >= 10
    assert len({mutant.what for mutant in MUTANTS.values()}) == len(MUTANTS)
