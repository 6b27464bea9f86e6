"""When a command is applied.        Floor: registry (pure). Called by: apply, rules."""

from dataclasses import dataclass

from mys3d.model.names import Instant, LogIndex


@dataclass(frozen=True, slots=True)
class Moment:
    """The place in the log, and the registry's clock there. Rules know no other time."""

    index: LogIndex
    now: Instant
