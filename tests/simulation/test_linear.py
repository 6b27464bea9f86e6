"""The linearizability check, held against two others: every order tried, and the zones of Gibbons and Korach."""

import itertools
from bisect import bisect_left
from math import inf
from random import Random

import pytest

from tests.simulation.linear import Operation, explain


def put(value: str, called: float, returned: float = inf) -> Operation:
    return Operation("put", value, called, returned)


def get(value: str | None, called: float, returned: float) -> Operation:
    return Operation("get", value, called, returned)


def delete(called: float, returned: float = inf) -> Operation:
    return Operation("delete", None, called, returned)


def create(value: str, called: float, returned: float = inf, is_refused: bool = False) -> Operation:
    return Operation("create", value, called, returned, is_refused=is_refused)


def replace(expected: str, value: str, called: float, returned: float = inf, is_refused: bool = False) -> Operation:
    return Operation("replace", value, called, returned, expected, is_refused)


FINE = {
    "nothing happened": [],
    "one after the other": [put("a", 0, 1), get("a", 2, 3), put("b", 4, 5), get("b", 6, 7)],
    "of two that overlap either may be last": [put("a", 0, 3), put("b", 1, 4), get("a", 5, 6)],
    "an unanswered put took effect late": [put("a", 0, 1), put("b", 2), get("a", 3, 4), get("b", 5, 6)],
    "an unanswered put never took effect": [put("a", 0, 1), put("b", 2), get("a", 5, 6)],
    "a delete": [put("a", 0, 1), delete(2, 3), get(None, 4, 5), put("b", 6, 7), get("b", 8, 9)],
    "an unanswered delete": [put("a", 0, 1), delete(2), get("a", 3, 4), get(None, 5, 6), get(None, 7, 8)],
    "two unanswered deletes": [
        put("a", 0, 1), delete(2), delete(2), get(None, 3, 4), put("b", 5, 6), get("b", 7, 8), get(None, 9, 10),
    ],
    "of two creates one wins": [create("a", 0, 5), create("b", 0, 5, is_refused=True), get("a", 6, 7)],
    "a create after a delete": [put("a", 0, 1), delete(2, 4), create("b", 3, 6), get("b", 7, 8)],
    "refused because of an unanswered create": [create("a", 0), create("b", 1, 2, is_refused=True), put("c", 3, 4)],
    "a replace": [put("a", 0, 1), replace("a", "b", 2, 3), get("b", 4, 5)],
    "a replace refused by an overlapping put": [
        put("a", 0, 1), put("c", 2, 5), replace("a", "b", 3, 4, is_refused=True), get("c", 6, 7),
    ],
    "an unanswered replace": [put("a", 0, 1), replace("a", "b", 2), get("a", 3, 4), get("b", 5, 6)],
}  # fmt: skip

WRONG = {
    "a lost put": [put("a", 0, 1), get(None, 2, 3)],
    "a stale read": [put("a", 0, 1), put("b", 2, 3), get("a", 4, 5)],
    "a value from the future": [get("a", 0, 1), put("a", 2, 3)],
    "a value that nobody wrote": [put("a", 0, 1), get("x", 2, 3)],
    "back and forth": [put("a", 0, 9), put("b", 0, 9), get("a", 1, 2), get("b", 3, 4), get("a", 5, 6)],
    "a delete undone": [put("a", 0, 1), delete(2, 3), get("a", 4, 5)],
    "one unanswered delete seen twice": [
        put("a", 0, 1), delete(2), get(None, 3, 4), put("b", 5, 6), get("b", 7, 8), get(None, 9, 10),
    ],
    "an unanswered put seen, gone and back": [
        put("a", 0, 1), put("b", 2), get("b", 3, 4), put("c", 5, 6), get("c", 7, 8), get("b", 9, 10),
    ],
    "both creates win": [create("a", 0, 5), create("b", 0, 5)],
    "a create refused though nothing was there": [create("b", 1, 2, is_refused=True), put("a", 3, 4)],
    "a replace of what was replaced": [put("a", 0, 1), put("c", 2, 3), replace("a", "b", 4, 5)],
    "a replace refused for nothing": [put("a", 0, 1), replace("a", "b", 2, 3, is_refused=True)],
    "two replaces of one value": [put("a", 0, 1), replace("a", "b", 2, 9), replace("a", "c", 2, 9)],
}  # fmt: skip


@pytest.mark.parametrize("name", FINE)
def test_what_an_order_explains_is_accepted(name: str) -> None:
    assert explain(FINE[name]) is None


@pytest.mark.parametrize("name", WRONG)
def test_what_no_order_explains_is_named(name: str) -> None:
    assert explain(WRONG[name])


def test_values_must_be_unique() -> None:
    with pytest.raises(AssertionError, match="unique"):
        explain([put("a", 0, 1), put("a", 2, 3)])


def random_history(dice: Random, count: int, kinds: list[str]) -> list[Operation]:
    """A true history of a register, with some answers lost and, now and then, one answer falsified."""
    state, found = None, []
    moments = sorted(dice.random() * 10 for _ in range(count))
    for number, moment in enumerate(moments):
        called, returned = moment - dice.random() * 3, moment + dice.random() * 3
        kind, value = dice.choice(kinds), f"v{number}"
        if kind == "get":
            found.append(get(state, called, returned))
            continue
        condition = {"create": state is None, "replace": state is not None}.get(kind, True)
        expected = state if kind == "replace" else None
        if kind == "replace" and expected is None:
            continue
        is_unknown = condition and dice.random() < 0.15
        took_effect = condition and (not is_unknown or dice.random() < 0.5)
        found.append(
            Operation(kind, None if kind == "delete" else value, called, inf if is_unknown else returned, expected,
                      not condition)
        )  # fmt: skip
        if took_effect:
            state = None if kind == "delete" else value
    return falsified(dice, found) if dice.random() < 0.6 else found


def falsified(dice: Random, history: list[Operation]) -> list[Operation]:
    values = [None, *(one.value for one in history if one.kind in ("put", "create", "replace"))]
    gets = [index for index, one in enumerate(history) if one.kind == "get"]
    if gets:
        index = dice.choice(gets)
        history[index] = get(dice.choice(values), history[index].called, history[index].returned)
    return history


def any_order_explains(history: list[Operation]) -> bool:
    """Every subset of the unanswered, in every order."""
    unanswered = [one for one in history if one.returned == inf]
    answered = [one for one in history if one.returned < inf]
    return any(
        order_exists(answered + list(chosen), None)
        for count in range(len(unanswered) + 1)
        for chosen in itertools.combinations(unanswered, count)
    )


def order_exists(left: list[Operation], state: str | None) -> bool:
    if not left:
        return True
    earliest = min(one.returned for one in left)
    for one in left:
        if one.called <= earliest and one.allows(state):
            after = state if one.is_read else one.value
            if order_exists([other for other in left if other is not one], after):
                return True
    return False


@pytest.mark.parametrize(
    "kinds", [["put", "get"], ["put", "get", "delete"], ["put", "get", "delete", "create", "replace"]]
)
def test_it_agrees_with_trying_every_order(kinds: list[str]) -> None:
    verdicts = []
    for seed in range(250):
        history = random_history(Random(seed), 8, kinds)
        verdicts.append(any_order_explains(history))
        assert (explain(history) is None) == verdicts[-1], (seed, [str(one) for one in history], explain(history))
    assert 40 < sum(verdicts) < 230


def zones_explain(history: list[Operation]) -> bool:
    """The zone check: puts and gets only."""
    zones: dict[str | None, list[tuple[float, float]]] = {None: [(-inf, -inf)]}
    zones |= {one.value: [(one.called, one.returned)] for one in history if one.kind == "put"}
    for one in history:
        if one.kind == "get":
            if one.value not in zones or one.returned < zones[one.value][0][0]:
                return False
            zones[one.value].append((one.called, one.returned))
    forward, backward = [], []
    for spans in zones.values():
        if len(spans) == 1 and spans[0][1] == inf:
            continue
        first, last = min(span[1] for span in spans), max(span[0] for span in spans)
        (forward if first < last else backward).append((min(first, last), max(first, last)))
    forward.sort()
    if any(later[0] < earlier[1] for earlier, later in itertools.pairwise(forward)):
        return False
    starts = [zone[0] for zone in forward]
    around = ((forward[bisect_left(starts, low) - 1], low, high) for low, high in backward if bisect_left(starts, low))
    return not any(zone[0] < low and high < zone[1] for zone, low, high in around)


def test_it_agrees_with_the_zone_check_on_longer_histories() -> None:
    verdicts = []
    for seed in range(120):
        history = random_history(Random(seed), 40, ["put", "get"])
        verdicts.append(zones_explain(history))
        assert (explain(history) is None) == verdicts[-1], (seed, [str(one) for one in history])
    assert 12 < sum(verdicts) < 108
