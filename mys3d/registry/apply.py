"""One log entry becomes rows.        Floor: registry (pure). Called by: consensus.

Law: total and deterministic. Every entry writes the applied row and its own rows together or, when the driver beneath
fails, nothing; a refused command leaves no rows but its outcome. The caller applies each index once, in order.
"""

from typing import assert_never

from mys3d.errors import Reason, Rejected
from mys3d.model.names import Instant, LogIndex, NodeId, Term
from mys3d.registry import tables
from mys3d.registry.access_commands import BlockPublicAccess, GrantBucket, GrantVersion, SetOwnership
from mys3d.registry.amendments import RenameObject, SetCors, TagBucket, TagVersion
from mys3d.registry.codec import decode_proposal
from mys3d.registry.commands import (
    AbandonBody,
    BeginLayout,
    BumpGcEpoch,
    CancelOperation,
    ChangeSettings,
    Command,
    CompareRows,
    CompleteUpload,
    CondemnRows,
    CopyObject,
    CreateBucket,
    CreateToken,
    DeleteBucket,
    DeleteObject,
    DeleteObjects,
    InitialiseCluster,
    JoinMember,
    Proposal,
    PutCredential,
    PutObject,
    Reap,
    ReleaseLayout,
    RemoveMember,
    ReportHomes,
    SealLayout,
    SetVersioning,
    StageExtent,
    UpdateMember,
)
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, Outcome
from mys3d.registry.rules import (
    access,
    bodies,
    buckets,
    cluster,
    copies,
    layout,
    objects,
    operations,
    reaping,
    rows,
    tags,
    uploads,
    users,
)
from mys3d.registry.transaction import Overlay, Transaction
from mys3d.registry.upload_commands import AbortUpload, CreateUpload, PutPart
from mys3d.registry.user_commands import CreateKey, CreateUser, DeleteKey, DeleteUser
from mys3d.registry.validity import fault_of


def apply_command(tx: Transaction, index: LogIndex, term: Term, payload: bytes) -> tuple[Command | None, Outcome]:
    """Apply a proposal. The command is None when `payload` is none."""
    entry = Overlay(tx)
    operations.forget_old(entry, index)
    tables.put_applied(entry, index, term)
    command, outcome = _decide(entry, index, payload)
    entry.merge_into(tx)
    return command, outcome


def apply_noop(tx: Transaction, index: LogIndex, term: Term) -> None:
    """Apply the empty entry with which a leader begins its term."""
    entry = Overlay(tx)
    operations.forget_old(entry, index)
    tables.put_applied(entry, index, term)
    entry.merge_into(tx)


def apply_membership(
    tx: Transaction, index: LogIndex, term: Term, node: NodeId, votes: bool, incarnation: bytes = b""
) -> None:
    """Apply a change of the voters; a promotion pins the incarnation. Saying again what is so changes nothing."""
    entry = Overlay(tx)
    operations.forget_old(entry, index)
    tables.put_applied(entry, index, term)
    voters = tables.voters(entry)
    if votes and node not in voters:
        tables.put_voters(entry, (*voters, node))
    if not votes and node in voters:
        tables.put_voters(entry, tuple(voter for voter in voters if voter != node))
    if votes and incarnation:
        cluster.pin(entry, node, incarnation)
    entry.merge_into(tx)


def _decide(entry: Overlay, index: LogIndex, payload: bytes) -> tuple[Command | None, Outcome]:
    try:
        proposal = decode_proposal(payload)
    except ValueError as error:
        return None, Rejected(Reason.INVALID_COMMAND, str(error))
    fault = fault_of(proposal, index)
    if fault:
        return proposal.command, Rejected(Reason.INVALID_COMMAND, fault)
    return proposal.command, _answer(entry, index, proposal)


def _answer(entry: Overlay, index: LogIndex, proposal: Proposal) -> Outcome:
    known = tables.outcome(entry, proposal.operation)
    if known is not None:
        return known
    if index > proposal.expires_at:
        return Rejected(Reason.EXPIRED, f"at {proposal.expires_at}, applied at {index}")
    at = Moment(index, _advance(entry, proposal.time))
    attempt = Overlay(entry)
    outcome = _rule(attempt, at, proposal.command)
    if isinstance(outcome, Applied):
        attempt.merge_into(entry)
    operations.remember(entry, index, proposal.operation, outcome)
    return outcome


def _advance(entry: Overlay, time: Instant) -> Instant:
    """The registry's clock: a command from a slow clock does not turn it back."""
    now = tables.now(entry)
    if time <= now:
        return now
    tables.put_now(entry, time)
    return time


def _rule(tx: Transaction, at: Moment, command: Command) -> Outcome:
    match command:
        case PutObject():
            return objects.put(tx, at, command)
        case CopyObject():
            return copies.copy(tx, at, command)
        case RenameObject():
            return copies.rename(tx, at, command)
        case DeleteObject():
            return objects.delete(tx, at, command)
        case DeleteObjects():
            return objects.delete_many(tx, at, command)
        case StageExtent():
            return bodies.stage(tx, at, command)
        case AbandonBody():
            return bodies.abandon(tx, at, command)
        case Reap():
            return reaping.reap(tx, at, command)
        case CreateUpload() | PutPart() | CompleteUpload() | AbortUpload():
            return _rule_of_uploads(tx, at, command)
        case CreateBucket():
            return buckets.create(tx, at, command)
        case DeleteBucket():
            return buckets.delete(tx, at, command)
        case CreateUser() | DeleteUser() | CreateKey() | DeleteKey():
            return users.rule(tx, at, command)
        case TagBucket():
            return tags.tag_bucket(tx, at, command)
        case TagVersion():
            return tags.tag_version(tx, at, command)
        case SetVersioning():
            return buckets.set_versioning(tx, at, command)
        case GrantBucket() | GrantVersion() | SetOwnership() | BlockPublicAccess():
            return access.rule(tx, at, command)
        case SetCors():
            return buckets.set_cors(tx, at, command)
        case _:
            return _rule_of_cluster(tx, at, command)


def _rule_of_uploads(
    tx: Transaction, at: Moment, command: CreateUpload | PutPart | CompleteUpload | AbortUpload
) -> Outcome:
    match command:
        case CreateUpload():
            return uploads.create(tx, at, command)
        case PutPart():
            return uploads.put_part(tx, at, command)
        case CompleteUpload():
            return uploads.complete(tx, at, command)
        case AbortUpload():
            return uploads.abort(tx, at, command)
        case _:
            assert_never(command)


def _rule_of_cluster(
    tx: Transaction,
    at: Moment,
    command: InitialiseCluster
    | CreateToken
    | JoinMember
    | UpdateMember
    | RemoveMember
    | BeginLayout
    | SealLayout
    | ReportHomes
    | ReleaseLayout
    | PutCredential
    | ChangeSettings
    | BumpGcEpoch
    | CancelOperation
    | CompareRows
    | CondemnRows,
) -> Outcome:
    match command:
        case BumpGcEpoch():
            return cluster.bump_gc_epoch(tx, at, command)
        case ChangeSettings():
            return cluster.change_settings(tx, at, command)
        case CancelOperation():
            return operations.cancel(tx, at, command)
        case CompareRows():
            return rows.compare(tx, at, command)
        case CondemnRows():
            return rows.condemn(tx, at, command)
        case PutCredential():
            return cluster.put_credential(tx, at, command)
        case InitialiseCluster():
            return cluster.initialise(tx, at, command)
        case CreateToken():
            return cluster.create_token(tx, at, command)
        case JoinMember():
            return cluster.join(tx, at, command)
        case RemoveMember():
            return cluster.remove_member(tx, at, command)
        case UpdateMember():
            return cluster.update_member(tx, at, command)
        case BeginLayout():
            return layout.begin(tx, at, command)
        case SealLayout():
            return layout.seal(tx, at, command)
        case ReportHomes():
            return layout.report(tx, at, command)
        case ReleaseLayout():
            return layout.release(tx, at, command)
        case _:
            assert_never(command)
