"""What no proposer of ours would ever send.        Floor: registry (pure). Called by: apply.

Law: a proposal that passes here cannot make a rule raise: every number fits its key, every name has its length, every
list its bound. A refusal is INVALID_COMMAND, the same on every node.
"""

import re
from collections.abc import Sequence
from typing import Final

from mys3d import limits
from mys3d.model.acl import Acl, Grants
from mys3d.model.body import BlobRef, InlineBlobs, SimpleBody
from mys3d.model.buckets import Versioning
from mys3d.model.cors import CorsRule
from mys3d.model.digest import DIGEST_BYTES
from mys3d.model.names import LogIndex
from mys3d.registry.access_commands import (
    AccessCommand,
    BlockPublicAccess,
    GrantBucket,
    GrantVersion,
    SetOwnership,
)
from mys3d.registry.amendments import RenameObject, SetCors, TagBucket, TagVersion
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
    Wanted,
)
from mys3d.registry.upload_commands import AbortUpload, CreateUpload, PutPart
from mys3d.registry.user_commands import CreateKey, CreateUser, DeleteKey, DeleteUser, UserCommand

_OPERATION_BYTES: Final = 16
_NAME_BYTES_MAX: Final = 256  # names of nodes, zones, users, access keys: far above what any screen shows
_USER: Final = re.compile(r"[0-9a-f]{64}")
_NUMBER_STOP: Final = 2**63
_SEQUENCE_STOP: Final = 2**32 - 1  # four bytes in a key, and its successor as well


def fault_of(proposal: Proposal, index: LogIndex) -> str:
    """Say what is wrong with a proposal at `index`; empty: nothing."""
    if len(proposal.operation) != _OPERATION_BYTES:
        return f"an operation id has 16 bytes, found {len(proposal.operation)}"
    if not 0 <= proposal.expires_at <= index + limits.operation_lifetime_entries:
        return f"expires at {proposal.expires_at}, which is not within an outcome's life of {index}"
    if not 0 <= proposal.time < _NUMBER_STOP:
        return f"time {proposal.time}"
    return _fault_of_command(proposal.command)


def _fault_of_command(command: Command) -> str:
    match command:
        case PutObject():
            return _keys(command.bucket, command.key) or _body(command.body, command.size) or _acl(command.acl)
        case CopyObject() | RenameObject():
            return _fault_of_copies(command)
        case StageExtent():
            return _extent(command)
        case CreateUpload() | PutPart() | CompleteUpload() | AbortUpload():
            return _keys(command.bucket, command.key) or _fault_of_upload(command)
        case AbandonBody():
            return _number(command.body)
        case Reap():
            return _number(command.body) or _sequence(command.cursor)
        case DeleteObject():
            return _keys(command.bucket, command.key) or _wanted(Wanted(command.version, command.precondition))
        case DeleteObjects():
            return _removals(command)
        case InitialiseCluster() | JoinMember() | UpdateMember():
            return _fault_of_member(command)
        case RemoveMember():
            return _names(command.node)
        case BeginLayout():
            return _table(command)
        case SealLayout() | ReleaseLayout() | BumpGcEpoch():
            return _number(command.epoch)
        case ReportHomes():
            return _number(command.epoch) or _number(command.checked_at)
        case CreateToken():
            return _number(command.expires_at)
        case PutCredential():
            return _names(command.access_key)
        case CreateUser() | DeleteUser() | CreateKey() | DeleteKey():
            return _fault_of_users(command)
        case ChangeSettings():
            return _straggler(command.straggler_ms) or _period_of_settings(command)
        case CreateBucket():
            return _names(command.name) or _grants(command.grants)
        case GrantBucket() | GrantVersion() | SetOwnership() | BlockPublicAccess():
            return _fault_of_access(command)
        case TagBucket() | TagVersion() | SetCors():
            return _fault_of_amendment(command)
        case DeleteBucket():
            return _number(command.bucket) or _names(command.name)
        case SetVersioning():
            is_known = command.versioning is not Versioning.NEVER
            return _number(command.bucket) or ("" if is_known else "a bucket does not forget that it kept versions")
        case CompareRows():
            is_bounded = 1 <= command.rows_max <= limits.compare_rows_max
            return _start(command.start) or ("" if is_bounded else f"{command.rows_max} rows to compare")
        case CondemnRows():
            is_digest = len(command.digest) == DIGEST_BYTES
            fault = _names(command.node) or _number(command.index) or _start(command.start)
            return fault or ("" if is_digest else f"a digest of {len(command.digest)} bytes")
        case CancelOperation():
            return "" if len(command.operation) == _OPERATION_BYTES else "an operation id has 16 bytes"


def _fault_of_copies(command: CopyObject | RenameObject) -> str:
    numbers = _number(command.source_version) or _keys(command.bucket, command.key)
    match command:
        case CopyObject():
            return numbers or _keys(command.source_bucket, command.source_key) or _acl(command.acl)
        case RenameObject():
            return numbers or _number(command.replaced or 0) or _keys(command.bucket, command.source_key)


def _fault_of_amendment(command: TagBucket | TagVersion | SetCors) -> str:
    match command:
        case TagBucket():
            return _number(command.bucket) or _tags(command.tags, limits.bucket_tags_max)
        case TagVersion():
            fault = _keys(command.bucket, command.key) or _number(command.version or 0)
            return fault or _tags(command.tags, limits.object_tags_max)
        case SetCors():
            return _number(command.bucket) or _cors(command.rules)


def _fault_of_access(command: AccessCommand) -> str:
    match command:
        case GrantBucket():
            return _number(command.bucket) or _grants(command.grants)
        case GrantVersion():
            return _keys(command.bucket, command.key) or _number(command.version) or _acl(command.acl)
        case SetOwnership() | BlockPublicAccess():
            return _number(command.bucket)


def _acl(acl: Acl | None) -> str:
    return "" if acl is None else _names(acl.owner) or _grants(acl.grants)


def _grants(grants: Grants | None) -> str:
    if grants is None or not grants:
        return ""
    is_few = len(grants) <= limits.acl_grants_max
    return _names(*[grant.grantee for grant in grants]) if is_few else f"{len(grants)} grants"


def _fault_of_users(command: UserCommand) -> str:
    match command:
        case CreateUser():
            is_email = command.email.isascii() and len(command.email) <= limits.email_chars_max
            return (
                _user(command.id)
                or _names(command.name)
                or ("" if is_email else "an e-mail beyond ASCII or its length")
            )
        case DeleteUser():
            return _user(command.id)
        case CreateKey():
            return _user(command.user) or _names(command.access_key)
        case DeleteKey():
            return _names(command.access_key)


def _fault_of_member(command: InitialiseCluster | JoinMember | UpdateMember) -> str:
    fault = "" if isinstance(command, UpdateMember) else _names(command.name, command.zone)
    return fault or _names(command.node) or _number(command.capacity_bytes or 0) or _number(command.level or 0)


def _user(text: str) -> str:
    return "" if _USER.fullmatch(text) else f"a user id of {len(text)} characters"


def _fault_of_upload(command: CreateUpload | PutPart | CompleteUpload | AbortUpload) -> str:
    match command:
        case CreateUpload():
            is_token = len(command.token) == limits.upload_token_bytes
            return _acl(command.acl) or ("" if is_token else f"a token of {len(command.token)} bytes")
        case PutPart():
            is_number = 1 <= command.number <= limits.parts_max
            fault = _number(command.upload) or _body(command.body, command.size)
            return fault or ("" if is_number else f"part {command.number}")
        case CompleteUpload():
            return _number(command.upload) or _runs(command)
        case AbortUpload():
            return _number(command.upload)


def _number(value: int) -> str:
    return "" if 0 <= value < _NUMBER_STOP else f"number {value}"


def _straggler(wait_ms: int | None) -> str:
    return "" if wait_ms is None or 1 <= wait_ms <= limits.straggler_ms_max else f"a straggler of {wait_ms} ms"


def _gc_period(period_ms: int | None) -> str:
    is_good = period_ms is None or limits.gc_period_ms_min <= period_ms <= limits.gc_period_ms_max
    return "" if is_good else f"a gc period of {period_ms} ms"


def _start(key: bytes) -> str:
    return "" if len(key) <= limits.row_key_bytes_max else f"a row key of {len(key)} bytes"


def _period_of_settings(command: ChangeSettings) -> str:
    after = command.dead_after_ms
    is_good = after is None or limits.dead_after_ms_min <= after <= limits.dead_after_ms_max
    return _gc_period(command.gc_period_ms) or ("" if is_good else f"dead after {after} ms")


def _names(*names: str) -> str:
    for name in names:
        if not 1 <= len(name.encode()) <= _NAME_BYTES_MAX:
            return f"a name of {len(name)} characters"
    return ""


def _keys(bucket: int, *keys: str) -> str:
    for key in keys:
        if not 1 <= len(key.encode()) <= limits.key_bytes_max:
            return f"an object key of {len(key)} characters"
    return _number(bucket)


def _tags(tags: Sequence[tuple[str, str]], tags_max: int) -> str:
    return "" if len(tags) <= tags_max else f"{len(tags)} tags"


def _cors(rules: Sequence[CorsRule]) -> str:
    if len(rules) > limits.cors_rules_max:
        return f"{len(rules)} rules"
    ages = (rule.max_age_seconds or 0 for rule in rules)
    return next((fault for age in ages if (fault := _number(age))), "")


def _removals(command: DeleteObjects) -> str:
    if len(command.keys) > limits.delete_command_keys_max:
        return f"{len(command.keys)} keys"
    if len(command.wanted) not in (0, len(command.keys)):
        return f"{len(command.keys)} keys, and something is wanted of {len(command.wanted)}"
    faults = (fault for wanted in command.wanted if (fault := _wanted(wanted)))
    return _keys(command.bucket, *command.keys) or next(faults, "")


def _wanted(wanted: Wanted) -> str:
    asked = wanted.precondition
    return _number(wanted.version or 0) or _number(asked.if_modified_at or 0) or _number(asked.if_size or 0)


def _runs(command: CompleteUpload) -> str:
    """Numbers ascend, and the sizes make that of the object."""
    stop = 1
    for run in command.runs:
        if run.first < stop or run.count < 1 or not 0 <= run.size <= limits.put_bytes_max:
            return f"parts {run.first} and {run.count - 1} more, of {run.size} bytes, behind part {stop - 1}"
        stop = run.first + run.count
    size = sum(run.count * run.size for run in command.runs)
    if not 1 < stop <= limits.parts_max + 1 or size > limits.object_bytes_max:
        return f"parts up to {stop - 1}, of {size} bytes"
    return "" if size == command.size else f"size {command.size} for parts of {size} bytes"


def _body(body: SimpleBody, size: int) -> str:
    if not isinstance(body, InlineBlobs):
        return _number(body.body) or _number(body.blobs_count) or _number(size)
    if len(body.blobs) > limits.inline_blobs_max:
        return f"{len(body.blobs)} blobs in a row"
    length = sum(blob.length for blob in body.blobs)
    return _blobs(body.blobs) or ("" if length == size else f"size {size} for blobs of {length} bytes")


def _extent(command: StageExtent) -> str:
    if not 1 <= len(command.blobs) <= limits.extent_blobs_max:
        return f"an extent of {len(command.blobs)} blobs"
    if (command.body is None) != (command.sequence == 0):
        return "the first extent, and no other, creates its body"
    return (
        _number(command.body or 0)
        or _sequence(command.sequence)
        or _number(command.expires_at)
        or _blobs(command.blobs)
    )


def _sequence(value: int) -> str:
    return "" if 0 <= value < _SEQUENCE_STOP else f"sequence {value}"


def _blobs(blobs: Sequence[BlobRef]) -> str:
    for blob in blobs:
        if len(blob.digest) != DIGEST_BYTES or not 1 <= blob.length <= limits.blob_bytes_max:
            return f"a blob of {blob.length} bytes, with a digest of {len(blob.digest)}"
    return ""


def _table(command: BeginLayout) -> str:
    if len(command.target) != limits.partitions_count:
        return f"a layout of {len(command.target)} partitions"
    if len(command.nodes) > limits.members_max:
        return f"a layout of {len(command.nodes)} nodes"
    if len(dict.fromkeys(command.nodes)) != len(command.nodes):
        return "a node is listed twice"
    for homes in command.target:
        if not 1 <= len(homes) <= limits.replicas_max or len(dict.fromkeys(homes)) != len(homes):
            return f"{len(homes)} homes, or one of them twice"
        if not all(0 <= home < len(command.nodes) for home in homes):
            return "a home that is not in the node table"
    return _names(*command.nodes) or _number(command.epoch)
