"""A node is killed under load: three tiny stores that share their objects stand for a cluster."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from mys3d.bench import kill_node as module
from mys3d.bench.kill_node import Outcome, Plan, kill_node
from mys3d.bench.sign import Keys
from mys3d.bench.target import Target
from mys3d.errors import Unavailable
from tests.bench.tiny_store import TinyStore, tiny_store

PLAN = Plan("leader", size=200, concurrency=4, calm=0.2, down=0.3, after=0.2)
NAMES = ["n1", "n2", "n3"]


class Stores:
    """Three of them; a killed one answers 503."""

    def __init__(self, stores: list[TinyStore]) -> None:
        self.stores = dict(zip(NAMES, stores, strict=True))
        for store in stores:
            store.objects = stores[0].objects
        self.killed: list[str] = []
        self.heals = True
        self.loses = 0  # objects, at the kill

    @property
    def target(self) -> Target:
        return Target("m", tuple(store.endpoint for store in self.stores.values()), Keys("A", "S"), "b", {})

    def leader(self) -> str:
        return "n2"

    def followers(self) -> list[str]:
        return ["n1", "n3"]

    def kill(self, name: str) -> None:
        self.killed.append(name)
        self.stores[name].spoil = lambda *_: (503, b"")
        for key in list(self.stores[name].objects)[: self.loses]:
            del self.stores[name].objects[key]

    def start(self, name: str) -> None:
        self.stores[name].spoil = lambda _m, _p, status, body: (status, body)

    def is_healed(self) -> bool:
        return self.heals


@pytest.fixture
def stores() -> Iterator[Stores]:
    with ExitStack() as stack:
        yield Stores([stack.enter_context(tiny_store()) for _ in NAMES])


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_READ_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(module, "_POLL_SECONDS", 0.01)


def killed(stores: Stores, plan: Plan = PLAN) -> Outcome:
    return kill_node(stores.target, NAMES, stores, plan, print)


def test_everything_that_was_acknowledged_is_read_back_through_every_node(stores: Stores) -> None:
    found = killed(stores)
    assert found.is_sound
    assert (found.victim, found.was_leader, stores.killed) == ("n2", True, ["n2"])
    assert list(found.events) == ["killed", "started", "serving", "healed"]
    assert found.acknowledged_count > 0
    assert found.read_back == dict.fromkeys(NAMES, found.acknowledged_count)
    assert [stretch.name for stretch in found.stretches] == ["calm", "degraded", "healing", "healed"]
    assert found.stretches[1].errors_count > 0  # of the killed node
    assert found.stretches[1].puts_per_second > 0  # of the others
    assert found.doubtful_count > 0
    assert sum(found.puts_per_second) * found.bin_seconds == pytest.approx(found.acknowledged_count, rel=0.05)


@pytest.mark.parametrize(("victim", "name", "was_leader"), [("follower", "n1", False), ("n3", "n3", False)])
def test_the_victim_is_chosen(stores: Stores, victim: str, name: str, was_leader: bool) -> None:
    found = killed(stores, Plan(victim, 200, 2, 0.1, 0.1, 0.1))
    assert (found.victim, found.was_leader) == (name, was_leader)


def test_a_lost_object_is_found(stores: Stores) -> None:
    stores.loses = 3
    found = killed(stores)
    assert not found.is_sound
    assert len(found.lost) == 3
    assert found.lost[0].startswith("bench/kill/")


def test_other_bytes_are_found(stores: Stores) -> None:
    stores.stores["n3"].spoil = lambda method, _p, status, body: (status, b"x" * len(body) if method == "GET" else body)
    found = killed(stores)
    assert not found.is_sound
    assert found.wrong


def test_a_node_that_does_not_say_is_no_proof(stores: Stores) -> None:
    stores.stores["n3"].spoil = lambda method, _p, status, body: (503 if method == "GET" else status, body)
    found = killed(stores)
    assert not found.is_sound
    assert found.unread
    assert found.read_back["n3"] == 0


def test_a_cluster_that_does_not_heal_is_told(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAL_SECONDS_MAX", 0.1)
    stores.heals = False
    found = killed(stores)
    assert (found.is_sound, found.heal_seconds, found.trouble) == (False, None, "not healed 0.1 s after the start")


def test_a_plan_that_cannot_be_carried_out_is_told(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise Unavailable("the supervisor is gone")

    monkeypatch.setattr(stores, "kill", refuse)
    found = killed(stores)
    assert (found.is_sound, found.trouble) == (False, "the supervisor is gone")
    assert found.acknowledged_count > 0


def test_a_node_that_is_gone_at_the_end_is_no_proof(stores: Stores) -> None:
    found = kill_node(stores.target, NAMES, stores, PLAN, print)
    assert found.is_sound
    ledger = module.Ledger(200)
    ledger.acknowledged.append(0)
    assert module._read_back(stores.target, "127.0.0.1:1", ledger) == {0}
