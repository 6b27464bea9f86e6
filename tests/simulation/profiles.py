"""Kinds of weather and of traffic: each looks for one family of mistakes.        Floor: tests. Called by: run, mutants.

Law: a profile is hard on the cluster and breaks no promise that the product makes, so a run of the true product under
any of them is good. Which one a seed has follows from the seed: two in three have any weather, the others take turns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mys3d import limits

MIX = {"put": 40, "get": 35, "head": 5, "list": 5, "delete": 10, "create": 5, "replace": 5, "broken": 3}


@dataclass(frozen=True, slots=True)
class Profile:
    """What a run is like. `faults`: seconds between two of a kind, on average; None: any kind may be there or not."""

    what: str
    faults: Mapping[str, float] | None = None
    nodes: tuple[int, ...] = (3, 3, 3, 3, 4, 5)
    gc_periods_ms: tuple[int, ...] = (300, 1_000, 3_000)
    log_keeps: tuple[int, ...] = (20, 60, limits.log_keep_entries)
    mix: Mapping[str, int] = field(default_factory=lambda: MIX)  # parts of each kind of request
    hot_share: float = 0.0  # of requests that go to two keys
    is_loyal: bool = False  # each client keeps to one node: who waits for one that is cut off stops no other
    blocks_count: int = 40  # so many that one is often named by nothing, and put again while it is collected
    flush_chance: float = 0.02  # that a write of rows is followed by a flush of all of them


PROFILES = {
    "any-weather": Profile("every kind of fault may be there, rare or frequent"),
    "hot-keys": Profile(
        "most requests go to two keys, while nodes stop hearing their leader",
        faults={"mute leader": 2.5, "kill leader": 15.0, "shake": 8.0},
        mix={**MIX, "put": 40, "get": 70, "delete": 5, "replace": 15, "list": 2},
        hot_share=0.7,
        is_loyal=True,
    ),
    "fast-gc": Profile(
        "garbage is collected at once, while nodes restart and proposals are on their way for seconds",
        faults={"mute follower": 2.5, "kill": 5.0, "restart": 15.0},
        gc_periods_ms=(200, 300),
        mix={**MIX, "put": 50, "delete": 30, "get": 20},
        blocks_count=12,
    ),
    "rotten-journal": Profile(
        "bits flip in what the journal of one node synced last, and its rows forget as much",
        faults={"rot in fresh batches": 5.0, "power": 8.0, "kill": 10.0},
        log_keeps=(limits.log_keep_entries,),
        flush_chance=0.004,
    ),
    "torn-journal": Profile(
        "power fails inside calls on the journal, again and again",
        faults={"power in the journal": 1.5, "power": 10.0, "power all": 15.0},
        log_keeps=(60, limits.log_keep_entries),
    ),
    "short-log": Profile(
        "logs are cut behind twenty entries, while nodes are away",
        faults={"isolate": 2.5, "power": 8.0, "power all": 15.0},
        log_keeps=(20,),
        is_loyal=True,
        flush_chance=0.004,
    ),
    "five-voters": Profile(
        "leaders of five voters come and go",
        faults={"kill leader": 4.0, "mute leader": 5.0, "isolate": 8.0, "power": 8.0, "slow link": 6.0},
        nodes=(5,),
    ),
}
ANY_WEATHER = PROFILES["any-weather"]
_AIMED = [name for name in PROFILES if name != "any-weather"]


def profile_of(seed: int) -> str:
    """The profile that a seed has when nobody chose one."""
    return "any-weather" if seed % 3 else _AIMED[seed // 3 % len(_AIMED)]
