"""Two writers race for one thing, 1,000 times of each kind, while leaders die: exactly one wins.

Run by `make races`. Needs no root. The two ask different nodes. A round whose racers were both answered for certain
counts; the others are judged as well, by what they may have done.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from re import search
from typing import Self

import pytest

from tests.campaigns.checks import Verdict
from tests.campaigns.client import Answer, Connection, NoAnswer, NotSent
from tests.campaigns.cluster import BUCKET, KEYS, Cluster

ROUNDS = 1_000
KILL_SECONDS = 6.0  # between two deaths of a leader
DOWN_SECONDS = (0.0, 1.5)
INSIST_SECONDS = 60.0
REST_SECONDS = 0.05

WON, LOST, ABSENT, UNKNOWN = "won", "lost", "absent", "unknown"
_LOST = {412: "PreconditionFailed", 409: "ConditionalRequestConflict", 404: "NoSuchUpload"}


class Doors:
    """Connections of one thread to all nodes."""

    def __init__(self, cluster: Cluster) -> None:
        places = [node.place for node in cluster.nodes.values()]
        self.connections = [Connection(place.host, place.port, KEYS) for place in places]
        self._turn = itertools.count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self.connections:
            connection.close()

    def insist(self, method: str, key: str, query: Sequence[tuple[str, str]] = (), body: bytes = b"") -> Answer:
        """Ask one node after the other until one answers. Whatever is asked may be done twice."""
        stop = time.monotonic() + INSIST_SECONDS
        while time.monotonic() < stop:
            connection = self.connections[next(self._turn) % len(self.connections)]
            try:
                answer = connection.ask(method, f"/{BUCKET}/{key}", query, body=body)
            except (NotSent, NoAnswer):
                time.sleep(REST_SECONDS)
                continue
            if answer.status < 500:
                return answer
            time.sleep(REST_SECONDS)
        raise AssertionError(f"nobody answered {method} {key} within {INSIST_SECONDS} s")

    def shown(self, key: str) -> bytes | None:
        """What a GET shows; None: nothing."""
        answer = self.insist("GET", key)
        assert answer.status in (200, 404), f"GET {key}: {answer}"
        return answer.body if answer.status == 200 else None


def body_of(key: str, number: int) -> bytes:
    return f"{key}/{number}".encode()


@dataclass(frozen=True, slots=True)
class Race:
    """A kind of race. `prepare` gives what the racers need to know, `attempt` is what racer 0 or 1 asks for."""

    name: str
    prepare: Callable[[Doors, str], tuple[str, ...]]
    attempt: Callable[[Connection, str, tuple[str, ...], int], Answer]
    before: Callable[[str], bytes | None]  # what is shown as long as nobody has won
    after: Callable[[str, int], bytes | None]  # what is shown when that racer has won


def _put_first(doors: Doors, key: str) -> tuple[str, ...]:
    answer = doors.insist("PUT", key, body=body_of(key, 9))
    assert answer.status == 200, f"PUT {key}: {answer}"
    return (answer.etag,)


def _upload(doors: Doors, key: str) -> tuple[str, ...]:
    begun = search(rb"<UploadId>([^<]+)<", doors.insist("POST", key, [("uploads", "")]).body)
    assert begun is not None
    upload = begun.group(1).decode()
    put = [
        doors.insist("PUT", key, [("partNumber", str(number + 1)), ("uploadId", upload)], body_of(key, number))
        for number in (0, 1)
    ]
    return (upload, *[answer.etag for answer in put])


def _put_if(connection: Connection, key: str, name: str, value: str, number: int) -> Answer:
    return connection.ask("PUT", f"/{BUCKET}/{key}", headers=[(name, value)], body=body_of(key, number))


def _delete_or_replace(connection: Connection, key: str, told: tuple[str, ...], number: int) -> Answer:
    """Two that delete could both be told that the object is gone."""
    condition = [("If-Match", f'"{told[0]}"')]
    if number == 0:
        return connection.ask("DELETE", f"/{BUCKET}/{key}", headers=condition)
    return _put_if(connection, key, *condition[0], number)


def _complete(connection: Connection, key: str, told: tuple[str, ...], number: int) -> Answer:
    """Each racer has another part in mind: the same list twice would be the same request twice."""
    part = f"<Part><PartNumber>{number + 1}</PartNumber><ETag>{told[1 + number]}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    return connection.ask("POST", f"/{BUCKET}/{key}", [("uploadId", told[0])], body=document)


RACES = (
    Race(
        "If-None-Match: *",
        lambda *_: (),
        lambda connection, key, _, number: _put_if(connection, key, "If-None-Match", "*", number),
        lambda _: None,
        body_of,
    ),
    Race(
        "If-Match",
        _put_first,
        lambda connection, key, told, number: _put_if(connection, key, "If-Match", f'"{told[0]}"', number),
        lambda key: body_of(key, 9),
        body_of,
    ),
    Race(
        "conditional DELETE",
        _put_first,
        _delete_or_replace,
        lambda key: body_of(key, 9),
        lambda key, number: None if number == 0 else body_of(key, number),
    ),
    Race("Complete of one upload", _upload, _complete, lambda _: None, body_of),
)


def verdict_of(answer: Answer) -> str:
    """What an answer says of its request. Raises AssertionError for an answer that no racer should get."""
    if answer.status in (200, 204):
        return WON
    if answer.status == 503:
        return ABSENT if answer.code == "SlowDown" else UNKNOWN
    assert answer.status in _LOST and answer.code in (*_LOST.values(), "NoSuchKey"), f"a racer was told {answer}"
    return LOST


def problem_of(race: Race, key: str, told: Sequence[str], shown: bytes | None) -> str:
    """What is wrong with the end of a race; empty: nothing."""
    winners = [number for number, verdict in enumerate(told) if verdict == WON]
    may_have_won = winners or [number for number, verdict in enumerate(told) if verdict == UNKNOWN]
    possible = {race.after(key, number) for number in may_have_won}
    if not winners and LOST not in told:
        possible.add(race.before(key))  # who lost, lost to somebody
    if len(winners) < 2 and shown in possible:
        return ""
    return f"{race.name}, {key}: told {', '.join(told)}, and shown is {shown!r}"


@dataclass
class Rounds:
    """The rounds of one kind of race. `decided_count`: both racers were answered for certain and one of them won."""

    race: Race
    cluster: Cluster
    wanted_count: int
    dice: Random
    decided_count: int = 0
    open_count: int = 0
    problems: list[str] = field(default_factory=list)

    def run(self) -> None:
        with (
            Doors(self.cluster) as doors,
            Doors(self.cluster) as first,
            Doors(self.cluster) as second,
            ThreadPoolExecutor(2) as pool,
        ):
            for number in itertools.count():
                if self.decided_count >= self.wanted_count or self.problems:
                    return
                key = f"{RACES.index(self.race)}-{number}"
                prepared = self.race.prepare(doors, key)
                nodes = self.dice.sample(range(len(doors.connections)), 2)
                started = [
                    pool.submit(self.race.attempt, own.connections[node], key, prepared, racer)
                    for racer, (own, node) in enumerate(zip((first, second), nodes, strict=True))
                ]
                told = [_told(each) for each in started]
                problem = problem_of(self.race, key, told, doors.shown(key))
                self.problems += [problem] if problem else []
                if sorted(told) == [LOST, WON]:
                    self.decided_count += 1
                else:
                    self.open_count += 1


def _told(started: Future[Answer]) -> str:
    try:
        return verdict_of(started.result())
    except NotSent:
        return ABSENT
    except NoAnswer:
        return UNKNOWN


@pytest.mark.campaign
def test_of_two_writers_exactly_one_wins(loopback_cluster: Callable[..., Cluster], seed: int, scale: float) -> None:
    cluster, dice = loopback_cluster(3), Random(seed)
    wanted = max(1, int(ROUNDS * scale))
    rounds = [Rounds(race, cluster, wanted, Random(dice.random())) for race in RACES]
    kills_count = 0
    with ThreadPoolExecutor(len(rounds)) as pool:
        running = [pool.submit(each.run) for each in rounds]
        while not all(each.done() for each in running):
            cluster.wait(KILL_SECONDS)
            leader = cluster.leader()
            if leader is not None and not all(each.done() for each in running):
                kills_count += 1
                cluster.kill(leader)
                cluster.wait(dice.uniform(*DOWN_SECONDS))
                cluster.launch(leader)
        for each in running:
            each.result()
    cluster.heal()
    verdict = Verdict("races", seed, {"leaders killed": str(kills_count)})
    for each in rounds:
        verdict.figures[each.race.name] = f"{each.decided_count} with one winner, {each.open_count} left open"
        verdict.problems += each.problems
    verdict.problems += cluster.crashes + cluster.ailments()
    verdict.conclude()


def test_the_end_of_a_race_is_judged() -> None:
    """The judge can fail."""
    race, key = RACES[1], "k"
    first, second, before = race.after(key, 0), race.after(key, 1), race.before(key)
    good = [
        ((WON, LOST), first), ((ABSENT, WON), second), ((UNKNOWN, LOST), first), ((UNKNOWN, UNKNOWN), before),
        ((UNKNOWN, UNKNOWN), second), ((ABSENT, ABSENT), before), ((WON, UNKNOWN), first),
    ]  # fmt: skip
    bad = [
        ((WON, WON), first), ((WON, LOST), second), ((WON, LOST), before), ((LOST, LOST), before),
        ((ABSENT, LOST), before), ((UNKNOWN, LOST), before), ((ABSENT, ABSENT), first), ((UNKNOWN, ABSENT), second),
    ]  # fmt: skip
    assert [case for case in good if problem_of(race, key, *case)] == []
    assert [case for case in bad if not problem_of(race, key, *case)] == []
