"""What is said of a scrub: reading every blob again and comparing it with its name.        Floor: model (pure)."""

import enum

import msgspec

from mys3d.model.body import BlobRef
from mys3d.model.names import Instant


class ScrubAction(enum.StrEnum):
    """What an operator may ask of the scrub of a node."""

    STATUS = "status"
    START = "start"  # a new round at once, and fast
    PAUSE = "pause"  # for a day at most
    RESUME = "resume"


class ScrubState(enum.StrEnum):
    WAITING = "waiting"  # for the next round
    RUNNING = "running"
    PAUSED = "paused"


class ScrubReport(msgspec.Struct, frozen=True):
    """The scrub of one node. Counts are of this node's life, but for those of the present round."""

    state: ScrubState
    is_fast: bool
    blobs_count: int  # read again in the present round, or in the last one when none is running
    bytes_count: int
    progress: float  # 0 to 1, of the present round
    eta_seconds: int  # until the present round ends; 0: none is running
    next_at: Instant  # when the next round begins, or a pause ends by itself; 0: a round is running
    finished_at: Instant  # when the last full round ended; 0: never
    found_count: int  # damaged copies found
    healed_count: int  # of them, replaced by a sound copy of another node
    open_count: int  # of them, neither healed nor found to be needed by nobody


class ScrubNote(msgspec.Struct, frozen=True):
    """What a node remembers across restarts: DATA/scrub.json. New fields come with a default."""

    format: int = 1
    is_running: bool = False
    is_fast: bool = False
    began_at: Instant = Instant(0)  # the present round, or the last one; 0: there was none
    finished_at: Instant = Instant(0)
    paused_until: Instant = Instant(0)  # 0: not paused
    cursor: str = ""
    blobs_count: int = 0
    bytes_count: int = 0
    found_count: int = 0
    healed_count: int = 0
    open: tuple[BlobRef, ...] = ()  # damaged copies that are not settled yet
