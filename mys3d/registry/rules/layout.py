"""Rules of a layout transition: begin, seal, report, release.        Floor: registry (pure).

Law: a commit is accepted when `sealed < its epoch <= epoch`. Old homes go only after every new home reported that it
verified what it should hold, at an index at or behind the seal.
"""

import msgspec

from mys3d.errors import Reason, Rejected
from mys3d.model.members import Layout, MemberState
from mys3d.model.names import Epoch, LogIndex, NodeId
from mys3d.registry import tables
from mys3d.registry.commands import BeginLayout, ReleaseLayout, ReportHomes, SealLayout
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, Outcome
from mys3d.registry.transaction import Transaction


def begin(tx: Transaction, at: Moment, command: BeginLayout) -> Outcome:
    layout = tables.layout(tx)
    if layout is None:
        return Rejected(Reason.INVALID_COMMAND, "the cluster is not initialised")
    if layout.target:
        return Rejected(Reason.TRANSITION_RUNNING, f"to epoch {layout.epoch}")
    if command.epoch != layout.epoch + 1:
        return Rejected(Reason.LAYOUT_EPOCH_OLD, f"expected epoch {layout.epoch + 1}, found {command.epoch}")
    for node in command.nodes:
        if tables.member(tx, node) is None:
            return Rejected(Reason.NO_SUCH_MEMBER, node)
    target = tuple(tuple(command.nodes[index] for index in homes) for homes in command.target)
    tables.put_layout(
        tx, msgspec.structs.replace(layout, epoch=command.epoch, seal_index=LogIndex(0), target=target, reported=())
    )
    return Applied(at.index)


def seal(tx: Transaction, at: Moment, command: SealLayout) -> Outcome:
    """Sealing a sealed epoch again changes nothing: reports made since the first seal stay good."""
    layout = _running(tx, command.epoch)
    if isinstance(layout, Rejected):
        return layout
    if layout.seal_index == 0:
        sealed = Epoch(command.epoch - 1)
        tables.put_layout(tx, msgspec.structs.replace(layout, sealed=sealed, seal_index=at.index))
    return Applied(at.index)


def report(tx: Transaction, at: Moment, command: ReportHomes) -> Outcome:
    layout = _running(tx, command.epoch)
    if isinstance(layout, Rejected):
        return layout
    if layout.seal_index == 0 or command.checked_at < layout.seal_index:
        return Rejected(Reason.NO_TRANSITION, f"checked at {command.checked_at}, sealed at {layout.seal_index}")
    if command.checked_at > at.index:
        return Rejected(Reason.INVALID_COMMAND, f"checked at {command.checked_at}, the log ends at {at.index}")
    if command.node not in _homes(layout.target):
        return Rejected(Reason.NO_SUCH_MEMBER, f"{command.node} is no home of epoch {layout.epoch}")
    if command.node not in layout.reported:
        reported = tuple(sorted((*layout.reported, command.node)))
        tables.put_layout(tx, msgspec.structs.replace(layout, reported=reported))
    return Applied(at.index)


def release(tx: Transaction, at: Moment, command: ReleaseLayout) -> Outcome:
    layout = _running(tx, command.epoch)
    if isinstance(layout, Rejected):
        return layout
    homes = _homes(layout.target)
    missing = [node for node in homes if node not in layout.reported]
    if missing:
        return Rejected(Reason.TRANSITION_RUNNING, f"{missing[0]} has not reported")
    assert layout.seal_index > 0, "homes report only after the seal"
    tables.put_layout(
        tx, msgspec.structs.replace(layout, base=layout.target, target=(), seal_index=LogIndex(0), reported=())
    )
    for node in homes:
        member = tables.member(tx, node)
        if member is not None and member.state is MemberState.JOINING:
            tables.put_member(tx, msgspec.structs.replace(member, state=MemberState.ACTIVE))
    return Applied(at.index)


def _running(tx: Transaction, epoch: Epoch) -> Layout | Rejected:
    """The layout, when a transition to `epoch` is running."""
    layout = tables.layout(tx)
    if layout is None or not layout.target:
        return Rejected(Reason.NO_TRANSITION)
    if epoch != layout.epoch:
        return Rejected(Reason.LAYOUT_EPOCH_OLD, f"expected epoch {layout.epoch}, found {epoch}")
    return layout


def _homes(table: tuple[tuple[NodeId, ...], ...]) -> dict[NodeId, None]:
    """Every node of a table once, in the order of first appearance."""
    return dict.fromkeys(node for homes in table for node in homes)
