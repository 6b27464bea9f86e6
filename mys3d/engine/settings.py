"""The settings of the whole cluster, told and changed.        Floor: engine. Called by: the admin API.

Law: what is answered was applied: a change behind its own commit, a question behind a barrier.
"""

import msgspec

from mys3d.model.settings import WriteQuorum
from mys3d.ports import Ports
from mys3d.registry import queries
from mys3d.registry.commands import ChangeSettings


class SettingsAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator wants changed. None: keep."""

    write_quorum: WriteQuorum | None = None
    straggler_ms: int | None = None
    gc_period_ms: int | None = None
    dead_after_ms: int | None = None


async def change_settings(ports: Ports, asked: SettingsAsked) -> dict[str, object]:
    """Change what is asked for; return all settings. Raises Rejected (out of bounds), Unavailable, OutcomeUnknown."""
    if asked == SettingsAsked():
        await ports.registry.barrier()
    else:
        await ports.registry.propose(ChangeSettings(*msgspec.structs.astuple(asked)))
    found = queries.settings(ports.registry.view())
    return {
        "write_quorum": found.write_quorum.value,
        "straggler_ms": found.straggler_ms,
        "gc_period_ms": found.gc_period_ms,
        "dead_after_ms": found.dead_after_ms,
    }
