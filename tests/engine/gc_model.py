"""Garbage collection as an abstract machine: one blob, all orders of events.        Floor: tests.

Called by: test_gc_model.

A log of registry entries, nodes that have applied some of it, puts of the same content, copies, a layout transition,
repairs, restarts. `explore` walks every reachable state breadth first, so a violation comes with a shortest trace.
Law: at every moment, a blob that the whole log references is held by at least W nodes.

What is left out, because it can only remove behaviour: bytes, time, elections (the log is what is committed). Nodes
apply at any pace, so an installed snapshot is a node that applies several entries before it does anything else.
A push, an answer or a report that is late is one that happens later: nothing is ever lost by being slow.
"""

import marshal
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple


@dataclass(frozen=True)
class Rules:
    """The protocol, rule by rule: all True is the protocol as built, a False one is left out."""

    fence: bool = True  # a commit whose epoch is below G - 1 is refused
    grace: bool = True  # deleted is only what was touched at G - 2 or before
    lowest: bool = True  # a commit carries the lowest epoch of its pushes, not the newest
    behind: bool = True  # a node that was pushed a newer epoch than it has applied deletes nothing
    waits: bool = False  # instead of `behind`: such a node does not acknowledge
    start: bool = True  # after a restart nothing is deleted until G is 2 above that of a barrier taken since
    source: bool = True  # a copy is decided by whether its source is there when it is applied
    seal: bool = True  # homes are verified at or behind the seal
    confirmed: bool = True  # a surplus copy is dropped only when all homes confirmed that they hold the blob
    same_epoch: bool = True  # ... in the epoch in which it is dropped
    surplus_grace: bool = True  # ... and only when it was touched at G - 2 or before itself
    confirms_touch: bool = True  # a home that confirms touches its copy
    repair_touch: bool = True  # a repair write counts as touched at the present epoch
    still: bool = True  # a home deletes nothing while its partition moves


@dataclass(frozen=True)
class World:
    """How much may happen, and where it begins. `target` empty: no layout transition."""

    nodes: int = 3
    quorum: int = 2
    puts: int = 1
    epochs: int = 4  # G ends here
    deletes: int = 1
    restarts: int = 0
    copies: int = 0
    repairs: bool = False
    substitutes: bool = False  # nodes that are no homes acknowledge pushes as well
    others: bool = False  # other blobs are pushed too, at any epoch
    is_stored: bool = False  # put 0 is committed at the start, applied and held by all nodes
    phase: int = 0  # of the layout at the start
    base: frozenset[int] = frozenset()  # empty: all nodes
    target: frozenset[int] = frozenset()


class Registry(NamedTuple):
    epoch: int
    refs: int  # bits: puts, then copies
    phase: int  # of the layout, see below
    reported: int  # bits of nodes


class Node(NamedTuple):
    applied: int  # entries of the log
    has: bool
    touch: int
    newest: int  # the newest epoch it was told of: touches below `newest - 1` are forgotten
    floor: int  # the epoch of the barrier taken after its last start
    checked: bool  # it once verified, since the seal, that it holds what is referenced
    asked: int  # the epoch at which it asked the homes whether they hold the blob; 0: it did not
    confirmed: int  # bits of homes that said yes
    acks: tuple[int, ...]  # per put: the epoch of the push it acknowledged; 0: none


class Put(NamedTuple):
    stage: int
    epoch: int
    layout: int


class State(NamedTuple):
    registry: Registry  # what all nodes have applied
    log: tuple[tuple[object, ...], ...]  # what not all of them have
    nodes: tuple[Node, ...]
    puts: tuple[Put, ...]
    deletes: int
    restarts: int


STABLE, BEGUN, SEALED, RELEASED = range(4)  # phases
IDLE, PUSHING, COMMITTED = range(3)  # stages

Event = tuple[str, State]


def apply(rules: Rules, puts: int, registry: Registry, entry: tuple[object, ...]) -> Registry:
    """The rules of the registry."""
    kind = entry[0]
    if kind == "bump":
        return registry._replace(epoch=registry.epoch + 1)
    if kind == "put":
        _, put, epoch, layout = entry
        assert isinstance(put, int) and isinstance(epoch, int) and isinstance(layout, int)
        is_fresh = not rules.fence or epoch >= registry.epoch - 1
        is_placed = layout == 2 if registry.phase >= SEALED else layout <= (2 if registry.phase == BEGUN else 1)
        return registry._replace(refs=registry.refs | 1 << put) if is_fresh and is_placed else registry
    if kind == "copy":
        _, source, target = entry
        assert isinstance(source, int) and isinstance(target, int)
        exists = not rules.source or registry.refs >> source & 1
        return registry._replace(refs=registry.refs | 1 << target) if exists else registry
    if kind == "delete":
        assert isinstance(entry[1], int)
        return registry._replace(refs=registry.refs & ~(1 << entry[1]))
    if kind == "report":
        assert isinstance(entry[1], int)
        return registry._replace(reported=registry.reported | 1 << entry[1])
    assert kind in ("begin", "seal", "release")
    return registry._replace(phase=registry.phase + 1)


class Machine:
    """All steps of one world under some rules."""

    def __init__(self, world: World, rules: Rules) -> None:
        self.world: Final = world
        self.rules: Final = rules
        every = frozenset(range(world.nodes))
        self._base: Final = world.base or every
        self._target: Final = world.target
        self._is_symmetric: Final = not world.base and not world.target
        self._apply = lru_cache(maxsize=1 << 20)(lambda registry, entry: apply(rules, world.puts, registry, entry))

    def start(self) -> State:
        world = self.world
        node = Node(0, world.is_stored, 0, 0, 0, False, 0, 0, (0,) * world.puts)
        first = Put(COMMITTED if world.is_stored else IDLE, 0, 1)
        puts = (first, *(Put(IDLE, 0, 0),) * (world.puts - 1))
        registry = Registry(1, int(world.is_stored), world.phase, 0)
        return State(registry, (), (node,) * world.nodes, puts, world.deletes, world.restarts)

    def end(self, state: State) -> Registry:
        """The registry with the whole log applied."""
        return self.seen(state, len(state.log))

    def seen(self, state: State, applied: int) -> Registry:
        registry = state.registry
        for entry in state.log[:applied]:
            registry = self._apply(registry, entry)
        return registry

    def is_sound(self, state: State) -> bool:
        return not self.end(state).refs or sum(node.has for node in state.nodes) >= self.world.quorum

    def steps(self, state: State) -> Iterator[Event]:
        """Every event that may happen next, and the state behind it."""
        views = [self.seen(state, node.applied) for node in state.nodes]
        yield from self._log_steps(state)
        for number in range(len(state.puts)):
            yield from self._put_steps(state, views, number)
        for number, view in enumerate(views):
            yield from self._node_steps(state, view, number)
            if self._target:
                yield from self._home_steps(state, views, number)

    def homes(self, phase: int) -> frozenset[int]:
        """Who is a home now or after the running transition."""
        if phase == STABLE:
            return self._base
        return self._target if phase == RELEASED else self._base | self._target

    def normal(self, state: State) -> State:
        """The same state with what everybody has applied folded, and equal nodes in one order."""
        done = min(node.applied for node in state.nodes)
        if done:
            nodes = tuple(node._replace(applied=node.applied - done) for node in state.nodes)
            state = state._replace(registry=self.seen(state, done), log=state.log[done:], nodes=nodes)
        return state._replace(nodes=tuple(sorted(state.nodes))) if self._is_symmetric else state

    def _log_steps(self, state: State) -> Iterator[Event]:
        end = self.end(state)
        if end.epoch < self.world.epochs:
            yield "bump", _logged(state, "bump")
        if state.deletes:
            for number in range(self.world.puts + self.world.copies):
                if end.refs >> number & 1:
                    puts = tuple(Put(IDLE, 0, 0) if index == number else put for index, put in enumerate(state.puts))
                    yield (
                        f"delete {number}",
                        _logged(state, "delete", number)._replace(deletes=state.deletes - 1, puts=puts),
                    )
        for copy in range(self.world.copies):
            target = self.world.puts + copy
            is_seen = any(self.seen(state, node.applied).refs & 1 for node in state.nodes)
            if is_seen and not end.refs >> target & 1 and ("copy", 0, target) not in state.log:
                yield "copy of 0", _logged(state, "copy", 0, target)
        if self._target and end.phase < RELEASED:
            kind = ("begin", "seal", "release")[end.phase]
            everybody = sum(1 << number for number in self._target)
            if kind != "release" or end.reported == everybody:
                yield kind, _logged(state, kind)

    def _put_steps(self, state: State, views: list[Registry], number: int) -> Iterator[Event]:
        put = state.puts[number]
        present = sorted({(view.epoch, 2 if view.phase else 1) for view in views})
        if put.stage == IDLE:
            for epoch, layout in present:
                yield f"put {number} begins at {epoch}", _put(state, number, Put(PUSHING, epoch, layout), forget=True)
            return
        homes = self._base if put.layout == 1 else self._target
        for index, node in enumerate(state.nodes):
            if not put.epoch or node.acks[number] >= put.epoch or not (index in homes or self.world.substitutes):
                continue
            if self.rules.waits and views[index].epoch < put.epoch:
                continue
            acked = (*node.acks[:number], put.epoch, *node.acks[number + 1 :])
            yield f"n{index} acks put {number}", _node(state, index, _touched(node, put.epoch)._replace(acks=acked))
        if put.stage == COMMITTED:
            return
        for epoch, layout in present:
            if epoch > put.epoch and layout == put.layout:
                yield f"put {number} renews at {epoch}", _put(state, number, put._replace(epoch=epoch))
        acks = [node.acks[number] for node in state.nodes if node.acks[number]]
        if len(acks) >= self.world.quorum:
            yield from self._commit(state, number, min(acks) if self.rules.lowest else put.epoch)
        if min(acks, default=0) < put.epoch and acks.count(put.epoch) >= self.world.quorum:
            yield from self._commit(state, number, put.epoch)

    def _commit(self, state: State, number: int, epoch: int) -> Iterator[Event]:
        """Accepted, the put is done; refused, it begins anew."""
        put = state.puts[number]
        end = self.end(state)
        logged = _logged(state, "put", number, epoch, put.layout)
        if self._apply(end, logged.log[-1]) != end or end.refs >> number & 1:
            yield f"put {number} commits with {epoch}", _put(logged, number, put._replace(stage=COMMITTED))
        else:
            yield f"put {number} is refused with {epoch}", _put(state, number, Put(IDLE, 0, 0))

    def _node_steps(self, state: State, view: Registry, index: int) -> Iterator[Event]:
        node = state.nodes[index]
        if node.applied < len(state.log):
            yield f"n{index} applies", _node(state, index, node._replace(applied=node.applied + 1))
        if state.restarts:
            floor = self.end(state).epoch if self.rules.start else 0
            fresh = node._replace(touch=0, newest=0, floor=floor, asked=0, confirmed=0)
            yield f"n{index} restarts", _node(state, index, fresh)._replace(restarts=state.restarts - 1)
        newest = view.epoch if self.rules.waits else self.end(state).epoch
        for epoch in range(node.newest + 1, newest + 1) if self.world.others else ():
            touch = node.touch if node.touch >= epoch - 1 else 0
            yield (
                f"n{index} is pushed another blob at {epoch}",
                _node(state, index, node._replace(touch=touch, newest=epoch)),
            )
        is_home = index in self.homes(view.phase)
        is_lacking = self.world.repairs and is_home and view.refs and not node.has
        if is_lacking and any(other.has for other in state.nodes):
            touch = view.epoch if self.rules.repair_touch else 0
            yield f"n{index} repairs", _node(state, index, _touched(node, touch))
        moves = self.rules.still and view.phase in (BEGUN, SEALED)
        if node.has and not view.refs and not moves and self._is_old(node, view):
            yield f"n{index} deletes", _node(state, index, node._replace(has=False, touch=0))

    def _is_old(self, node: Node, view: Registry) -> bool:
        if view.epoch - 2 < node.floor or (self.rules.behind and node.newest > view.epoch):
            return False
        return not self.rules.grace or node.touch <= view.epoch - 2

    def _home_steps(self, state: State, views: list[Registry], index: int) -> Iterator[Event]:
        """Reports of new homes, and surplus copies of old ones."""
        node, view = state.nodes[index], views[index]
        verifiable = view.phase == SEALED or (not self.rules.seal and view.phase == BEGUN)
        if index in self._target and verifiable and not node.checked and (node.has or not view.refs):
            yield f"n{index} verifies", _node(state, index, node._replace(checked=True))
        end = self.end(state)
        if node.checked and end.phase == SEALED and not end.reported >> index & 1:
            yield f"n{index} reports", _logged(state, "report", index)
        if not node.has or not view.refs or view.phase in (BEGUN, SEALED) or index in self.homes(view.phase):
            return
        if node.asked != view.epoch:
            yield f"n{index} asks at {view.epoch}", _node(state, index, node._replace(asked=view.epoch, confirmed=0))
        for home in self.homes(view.phase):
            if node.asked and not node.confirmed >> home & 1 and state.nodes[home].has:
                told = _node(state, index, node._replace(confirmed=node.confirmed | 1 << home))
                answered = _touched(state.nodes[home], node.asked) if self.rules.confirms_touch else state.nodes[home]
                yield f"n{home} confirms to n{index}", _node(told, home, answered)
        is_confirmed = node.asked and node.confirmed.bit_count() == len(self.homes(view.phase))
        if (is_confirmed or not self.rules.confirmed) and self._may_drop(node, view):
            yield f"n{index} drops its surplus", _node(state, index, node._replace(has=False, touch=0))

    def _may_drop(self, node: Node, view: Registry) -> bool:
        if view.epoch - 2 < node.floor or (self.rules.behind and node.newest > view.epoch):
            return False
        if self.rules.confirmed and self.rules.same_epoch and node.asked != view.epoch:
            return False
        return not self.rules.surplus_grace or node.touch <= view.epoch - 2


def _touched(node: Node, epoch: int) -> Node:
    """The blob is there, touched at `epoch`. Touches older than the newest two epochs are forgotten."""
    newest = max(node.newest, epoch)
    touch = max(node.touch, epoch)
    return node._replace(has=True, touch=touch if touch >= newest - 1 else 0, newest=newest)


def _logged(state: State, *entry: object) -> State:
    return state._replace(log=(*state.log, entry))


def _node(state: State, index: int, node: Node) -> State:
    return state._replace(nodes=(*state.nodes[:index], node, *state.nodes[index + 1 :]))


def _put(state: State, number: int, put: Put, forget: bool = False) -> State:
    puts = (*state.puts[:number], put, *state.puts[number + 1 :])
    if not forget:
        return state._replace(puts=puts)
    nodes = tuple(node._replace(acks=(*node.acks[:number], 0, *node.acks[number + 1 :])) for node in state.nodes)
    return state._replace(puts=puts, nodes=nodes)


@dataclass(frozen=True)
class Found:
    """What a walk showed."""

    states: int
    is_exhausted: bool
    violation: tuple[str, ...] | None  # None: none; otherwise the events that lead to it


def explore(world: World, rules: Rules, states_max: int) -> Found:
    """Visit states breadth first, at most `states_max`, up to the first that is unsound."""
    machine = Machine(world, rules)
    first = _packed(machine.normal(machine.start()))
    parents: dict[bytes, bytes] = {first: b""}
    waiting = deque([first])
    while waiting:
        packed = waiting.popleft()
        for _, after in machine.steps(_unpacked(packed)):
            found = _packed(machine.normal(after))
            if found in parents:
                continue
            parents[found] = packed
            if not machine.is_sound(after):
                return Found(len(parents), False, _trace(machine, parents, found))
            waiting.append(found)
        if len(parents) >= states_max:
            return Found(len(parents), False, None)
    return Found(len(parents), True, None)


def _trace(machine: Machine, parents: dict[bytes, bytes], last: bytes) -> tuple[str, ...]:
    names: list[str] = []
    while before := parents[last]:
        steps = machine.steps(_unpacked(before))
        names.append(next(name for name, after in steps if _packed(machine.normal(after)) == last))
        last = before
    return tuple(reversed(names))


def _packed(state: State) -> bytes:
    plain = (tuple(state.registry), state.log, [tuple(n) for n in state.nodes], [tuple(p) for p in state.puts])
    whole: Any = (*plain, state.deletes, state.restarts)
    return marshal.dumps(whole, 2)  # 2: equal values, equal bytes


def _unpacked(packed: bytes) -> State:
    registry, log, nodes, puts, deletes, restarts = marshal.loads(packed)
    return State(
        Registry(*registry), log, tuple(Node(*n) for n in nodes), tuple(Put(*p) for p in puts), deletes, restarts
    )
