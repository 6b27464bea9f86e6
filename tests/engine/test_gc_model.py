"""The protocol of garbage collection holds in every order of events, and each of its rules is needed.

Small worlds are walked to their end here; `make gc-model` walks larger ones.
"""

from dataclasses import replace

import pytest

from tests.engine.gc_model import RELEASED, Rules, World, explore

BUILT = Rules()
ENDLESS = 10**9
LARGE = 400_000

PAIR = World(nodes=2, quorum=1, epochs=3)  # one copy acknowledges, the other is late
RESTART = replace(PAIR, restarts=1)
OTHERS = replace(PAIR, epochs=3, deletes=0, others=True)
COPY = replace(PAIR, copies=1, is_stored=True)
THREE = World(nodes=3, quorum=2, epochs=3, deletes=0)
MOVE = World(nodes=3, quorum=2, epochs=1, deletes=0, base=frozenset({0, 1}), target=frozenset({1, 2}))
SURPLUS = replace(MOVE, epochs=3, phase=RELEASED, substitutes=True)


def violation(world: World, rules: Rules, states_max: int = LARGE) -> tuple[str, ...]:
    """The shortest way to a state that breaks the law."""
    found = explore(world, rules, states_max)
    assert found.violation is not None, found
    return found.violation


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(replace(PAIR, repairs=True), id="one copy late, deleted and put again, repaired"),
        pytest.param(replace(RESTART, deletes=0), id="restarts"),
        pytest.param(OTHERS, id="pushes of other blobs"),
        pytest.param(replace(COPY, epochs=2), id="copies"),
        pytest.param(THREE, id="two of three"),
        pytest.param(MOVE, id="a layout transition"),
    ],
)
def test_the_protocol_never_deletes_what_is_referenced(world: World) -> None:
    found = explore(world, BUILT, ENDLESS)
    assert found.violation is None
    assert found.is_exhausted
    assert found.states > 2_000


def test_deleting_whatever_is_not_referenced_loses_blobs() -> None:
    trace = violation(PAIR, replace(BUILT, fence=False, grace=False, behind=False))
    assert trace[-1].endswith("deletes"), trace


@pytest.mark.parametrize("rule", ["fence", "grace", "lowest"])
def test_without_a_rule_of_epochs_an_acknowledged_blob_is_deleted(rule: str) -> None:
    trace = violation(PAIR, replace(BUILT, **{rule: False}))
    assert trace[-1].endswith("deletes"), trace


def test_a_node_that_forgot_its_touches_in_a_restart_must_not_delete_at_once() -> None:
    trace = violation(RESTART, replace(BUILT, start=False))
    assert any(event.endswith("restarts") for event in trace), trace


def test_touches_forgotten_for_newer_ones_make_a_node_that_is_behind_dangerous() -> None:
    """Two ways out: such a node deletes nothing, or does not acknowledge. The first costs no write any time."""
    trace = violation(OTHERS, replace(BUILT, behind=False))
    assert "is pushed another blob" in trace[-2], trace
    found = explore(OTHERS, replace(BUILT, behind=False, waits=True), ENDLESS)
    assert (found.violation, found.is_exhausted) == (None, True)


def test_a_copy_is_decided_by_its_source_at_apply() -> None:
    trace = violation(COPY, replace(BUILT, source=False))
    assert "copy of 0" in trace, trace


def test_a_surplus_copy_dropped_unasked_may_be_one_that_a_put_counts_on() -> None:
    trace = violation(SURPLUS, replace(BUILT, confirmed=False))
    assert trace[-1].endswith("drops its surplus"), trace


@pytest.mark.campaign
def test_homes_verified_before_the_seal_and_surplus_dropped_unasked_lose_blobs() -> None:
    rules = replace(BUILT, seal=False, confirmed=False, surplus_grace=False)
    assert violation(replace(MOVE, epochs=2), rules)[-1].endswith("drops its surplus")


@pytest.mark.campaign
@pytest.mark.parametrize("rule", ["repair_touch", "still"])
def test_two_rules_are_caution_only(rule: str) -> None:
    """What a repair writes is referenced, or garbage; commits of a moving partition are fenced by their own epochs."""
    for world in (replace(PAIR, repairs=True), replace(MOVE, epochs=3, deletes=1)):
        found = explore(world, replace(BUILT, **{rule: False}), LARGE)
        assert found.violation is None


@pytest.mark.campaign
@pytest.mark.parametrize(
    "world",
    [
        pytest.param(replace(RESTART, epochs=4, puts=2, others=True, repairs=True), id="pair"),
        pytest.param(replace(THREE, epochs=4, puts=2, deletes=1, restarts=1, repairs=True), id="two of three"),
        pytest.param(replace(COPY, epochs=4, deletes=2, restarts=1), id="copies"),
        pytest.param(replace(MOVE, epochs=4, deletes=1, repairs=True, substitutes=True), id="transition"),
        pytest.param(replace(SURPLUS, epochs=4, deletes=1, is_stored=True), id="surplus"),
    ],
)
def test_a_million_states_hold(world: World) -> None:
    found = explore(world, BUILT, 1_000_000)
    print(f"{found.states} states, {'all of them' if found.is_exhausted else 'the nearest'}")
    assert found.violation is None
    assert found.is_exhausted or found.states >= 1_000_000
