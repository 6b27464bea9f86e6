"""Bugs to plant: what simulation and fuzz must find.        Floor: tests. Called by: hunt, campaign, test_mutants.

Law: each mutant is one plausible mistake, made from outside by exchanging a name while the run lasts; the product
has no switch for it. It is hunted under the profile that is hard on what it breaks, and under which the true product
keeps its promises. A mutant that survives fifty seeds says that the hunter looks away.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from unittest.mock import patch

from mys3d.consensus import segments, transport
from mys3d.consensus.compaction import Compaction
from mys3d.consensus.consensus import Consensus
from mys3d.consensus.disk import FileDisk
from mys3d.consensus.raft import Raft
from mys3d.engine import gc, intake
from mys3d.engine.gc import Collector
from mys3d.model.names import GcEpoch
from mys3d.registry import apply
from mys3d.registry.rules import bodies, objects
from tests.simulation.files import Disk, File, Folder


@dataclass(frozen=True, slots=True)
class Mutant:
    what: str
    plant: Callable[[ExitStack], None]
    profile: str  # under which the simulation looks for it; FUZZ: the fuzz of the Raft core does


FUZZ = "raft fuzz"
MUTANTS: dict[str, Mutant] = {}


def mutant(
    what: str, profile: str = "any-weather"
) -> Callable[[Callable[[ExitStack], None]], Callable[[ExitStack], None]]:
    def enter(plant: Callable[[ExitStack], None]) -> Callable[[ExitStack], None]:
        MUTANTS[plant.__name__.replace("_", "-")] = Mutant(what, plant, profile)
        return plant

    return enter


def _without_sync(area: str) -> Callable[[Disk, File | Folder], None]:
    real = Disk.sync

    def sync(self: Disk, node: File | Folder) -> None:
        if not (isinstance(node, File) and node.area == area):
            real(self, node)

    return sync


@mutant("the journal is written and never synced")
def no_journal_sync(stack: ExitStack) -> None:
    stack.enter_context(patch.object(Disk, "sync", _without_sync("journal")))


@mutant("volumes are written and never synced")
def no_volume_sync(stack: ExitStack) -> None:
    stack.enter_context(patch.object(Disk, "sync", _without_sync("blobs")))


@mutant("votes and acknowledgements leave before the journal is synced")
def send_not_gated(stack: ExitStack) -> None:
    stack.enter_context(patch.object(transport.messages, "GATED", ()))


@mutant("a put is acknowledged with one durable copy")
def ack_at_one_copy(stack: ExitStack) -> None:
    async def hasty(ports: object, layout: object, digest: bytes, data: Sequence[bytes], touch: int) -> tuple[str, ...]:
        await ports.blobs.put(digest, data, touch)
        return (ports.node,)

    stack.enter_context(patch.object(intake, "replicate", hasty))


@mutant("reads do not ask a majority first")
def no_read_barrier(stack: ExitStack) -> None:
    async def barrier(self: Consensus) -> int:
        return self.raft.last_applied

    stack.enter_context(patch.object(Consensus, "barrier", barrier))


@mutant("a batch of the journal is believed whatever its checksum says", "rotten-journal")
def no_record_checksum(stack: ExitStack) -> None:
    class Blind:
        def __getattr__(self, name: str) -> object:
            return getattr(segments_zlib, name)

        def crc32(self, data: bytes, value: int = 0) -> int:
            return 0

    segments_zlib = segments.zlib
    stack.enter_context(patch.object(segments, "zlib", Blind()))


@mutant("an acknowledgement of an earlier term counts in this one", FUZZ)
def stale_term_ack_counted(stack: ExitStack) -> None:
    real = Raft.on_append_reply

    def on_append_reply(self: Raft, node: object, message: object) -> None:
        real(self, node, type(message)(self.term, message.next_index, message.rejected, message.incarnation))

    stack.enter_context(patch.object(Raft, "on_append_reply", on_append_reply))


@mutant("an operation that is proposed twice is applied twice", "hot-keys")
def no_operation_dedupe(stack: ExitStack) -> None:
    class Forgetful:
        def __getattr__(self, name: str) -> object:
            return getattr(known, name)

        def outcome(self, *_: object) -> None:
            return None

    known = apply.tables
    stack.enter_context(patch.object(apply, "tables", Forgetful()))


@mutant("a torn tail of the journal is left where it is", "torn-journal")
def torn_tail_not_cut(stack: ExitStack) -> None:
    stack.enter_context(patch.object(FileDisk, "_cut_tail", lambda self, paths: None))


def _without_folder_sync(suffix: str) -> Callable[[Disk, File | Folder], None]:
    real = Disk.sync

    def sync(self: Disk, node: File | Folder) -> None:
        if not (isinstance(node, Folder) and any(name.endswith(suffix) for name in node.entries)):
            real(self, node)

    return sync


@mutant("the folder of a new journal segment is not synced")
def no_folder_sync(stack: ExitStack) -> None:
    stack.enter_context(patch.object(Disk, "sync", _without_folder_sync(".log")))


@mutant("the folder of a new volume is not synced")
def no_volume_folder_sync(stack: ExitStack) -> None:
    stack.enter_context(patch.object(Disk, "sync", _without_folder_sync(".volume")))


@mutant("a vote is not written down", "five-voters")
def vote_forgotten(stack: ExitStack) -> None:
    real = FileDisk._write_term

    def write_term(self: FileDisk, term: int, vote: str | None) -> None:
        real(self, term, None)

    stack.enter_context(patch.object(FileDisk, "_write_term", write_term))


@mutant("conditions of a put are looked at early and not inside apply", "hot-keys")
def conditions_not_in_apply(stack: ExitStack) -> None:
    stack.enter_context(patch.object(objects, "refusal_of", lambda *_: None))


@mutant("a commit of an old garbage epoch is accepted", "fast-gc")
def no_gc_fence(stack: ExitStack) -> None:
    class Lenient:
        def __getattr__(self, name: str) -> object:
            return getattr(known, name)

        def gc_epoch(self, *_: object) -> int:
            return 0

    known = bodies.tables
    stack.enter_context(patch.object(bodies, "tables", Lenient()))


@mutant("a start deletes garbage at once, though it has forgotten which blobs were touched", "fast-gc")
def touch_not_persisted(stack: ExitStack) -> None:
    async def trust_what_is_left(self: Collector) -> None:
        self._floor = GcEpoch(0)

    stack.enter_context(patch.object(Collector, "_pass_barrier", trust_what_is_left))


@mutant("the journal is cut behind rows that are not on disk yet", "short-log")
def journal_cut_early(stack: ExitStack) -> None:
    real = Compaction.run

    async def run(self: Compaction, flush: object, sync: object, wake: object) -> None:
        await real(self, lambda: None, sync, wake)

    stack.enter_context(patch.object(Compaction, "run", run))


@mutant("a referenced blob is collected as garbage when its last touch is old")
def references_not_looked_at(stack: ExitStack) -> None:
    class Blind:
        def __getattr__(self, name: str) -> object:
            return getattr(known, name)

        def references_count(self, *_: object) -> int:
            return 0

    known = gc.queries
    stack.enter_context(patch.object(gc, "queries", Blind()))
