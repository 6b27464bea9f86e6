"""Rules of the cluster itself: birth, tokens, members, access keys, epochs of collection.   Floor: registry (pure)."""

import msgspec

from mys3d import limits
from mys3d.errors import Reason, Rejected
from mys3d.model.access import Credential, JoinToken
from mys3d.model.members import Layout, Member, MemberState
from mys3d.model.names import Epoch, GcEpoch, LogIndex, NodeId, UserId
from mys3d.registry import levels, tables, user_tables
from mys3d.registry.codec import FORMAT
from mys3d.registry.commands import (
    BumpGcEpoch,
    ChangeSettings,
    CreateToken,
    InitialiseCluster,
    JoinMember,
    PutCredential,
    RemoveMember,
    UpdateMember,
)
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, Outcome
from mys3d.registry.records import Cluster
from mys3d.registry.transaction import Transaction


def initialise(tx: Transaction, at: Moment, command: InitialiseCluster) -> Outcome:
    if tables.cluster(tx) is not None:
        return Rejected(Reason.ALREADY_INITIALISED)
    tables.put_cluster(tx, Cluster(FORMAT, command.cluster_id, command.region, at.now))
    tables.put_member(tx, _member(command, MemberState.ACTIVE, at.index))
    tables.put_voters(tx, (command.node,))
    base = ((command.node,),) * limits.partitions_count
    tables.put_layout(tx, Layout(FORMAT, Epoch(1), Epoch(0), LogIndex(0), base))
    tables.put_gc_epoch(tx, GcEpoch(1))
    return Applied(at.index)


def create_token(tx: Transaction, at: Moment, command: CreateToken) -> Outcome:
    tokens = tables.tokens(tx)
    expired = [token for token in tokens if token.expires_at <= at.now]
    for token in expired:
        tables.drop_token(tx, token.secret_digest)
    if len(tokens) - len(expired) >= limits.tokens_max:
        return Rejected(Reason.TOO_LARGE, f"{limits.tokens_max} join tokens are still good")
    tables.put_token(tx, JoinToken(FORMAT, command.secret_digest, command.expires_at))
    return Applied(at.index)


def join(tx: Transaction, at: Moment, command: JoinMember) -> Outcome:
    token = tables.token(tx, command.secret_digest)
    if token is None or token.expires_at <= at.now:
        return Rejected(Reason.TOKEN_INVALID)
    if tables.member(tx, command.node) is not None:
        return Rejected(Reason.MEMBER_EXISTS, command.node)
    if command.level < levels.lowest(tx):
        return Rejected(Reason.SOFTWARE_TOO_OLD, "all members run newer software: install that first")
    if len(tables.members(tx)) >= limits.members_max:
        return Rejected(Reason.TOO_LARGE, f"a cluster has at most {limits.members_max} members")
    tables.drop_token(tx, command.secret_digest)
    tables.put_member(tx, _member(command, MemberState.JOINING, at.index))
    return Applied(at.index)


def update_member(tx: Transaction, at: Moment, command: UpdateMember) -> Outcome:
    member = tables.member(tx, command.node)
    if member is None:
        return Rejected(Reason.NO_SUCH_MEMBER, command.node)
    if command.incarnation not in (None, member.incarnation) and command.node in tables.voters(tx):
        return Rejected(Reason.MEMBER_VOTES, command.node)
    changed = msgspec.structs.replace(member, **_given(command, "node"))
    tables.put_member(tx, msgspec.structs.replace(changed, level=max(changed.level, member.level)))
    return Applied(at.index)


def remove_member(tx: Transaction, at: Moment, command: RemoveMember) -> Outcome:
    member, layout = tables.member(tx, command.node), tables.layout(tx)
    if member is None:
        return Rejected(Reason.NO_SUCH_MEMBER, command.node)
    homes = layout.base + layout.target if layout is not None else ()
    is_needed = command.node in tables.voters(tx) or any(command.node in each for each in homes)
    if is_needed or member.state is not MemberState.LEAVING:
        return Rejected(Reason.STILL_NEEDED, command.node)
    tables.drop_member(tx, command.node)
    return Applied(at.index)


def pin(tx: Transaction, node: NodeId, incarnation: bytes) -> None:
    """From here on `node` votes in this incarnation. Without a row (the founder's comes later) nothing is pinned."""
    member = tables.member(tx, node)
    if member is not None and member.incarnation != incarnation:
        tables.put_member(tx, msgspec.structs.replace(member, incarnation=incarnation))


def put_credential(tx: Transaction, at: Moment, command: PutCredential) -> Outcome:
    found = tables.credential(tx, command.access_key)
    if found is not None and not command.replace:
        return Rejected(Reason.ACCESS_KEY_EXISTS)
    is_users = found is not None and user_tables.has_access_key(tx, UserId(found.user), command.access_key)
    if is_users or user_tables.user(tx, UserId(command.access_key)) is not None:
        return Rejected(Reason.ACCESS_KEY_EXISTS)  # a user's: only root's is put here
    record = Credential(
        FORMAT, command.access_key, command.sealed_secret, command.user, command.is_root, created_at=at.now
    )
    tables.put_credential(tx, record)
    return Applied(at.index)


def change_settings(tx: Transaction, at: Moment, command: ChangeSettings) -> Outcome:
    tables.put_settings(tx, msgspec.structs.replace(tables.settings(tx), **_given(command)))
    return Applied(at.index)


def bump_gc_epoch(tx: Transaction, at: Moment, command: BumpGcEpoch) -> Outcome:
    if command.epoch == tables.gc_epoch(tx) + 1:
        tables.put_gc_epoch(tx, command.epoch)
    return Applied(at.index)


def _member(command: InitialiseCluster | JoinMember, state: MemberState, index: LogIndex) -> Member:
    return Member(
        FORMAT,
        command.node,
        command.name,
        command.incarnation,
        command.addresses,
        command.zone,
        command.capacity_bytes,
        state,
        joined_at=index,
        level=command.level,
    )


def _given(command: UpdateMember | ChangeSettings, *but: str) -> dict[str, object]:
    """The fields of a command that it wants changed: None keeps what is there."""
    fields = ((name, getattr(command, name)) for name in command.__struct_fields__ if name not in but)
    return {name: value for name, value in fields if value is not None}
