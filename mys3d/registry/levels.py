"""What software of each age knows of commands.        Floor: registry (pure). Called by: consensus, rules, node.

Law: a command that some member could not decode, or would read only in part, is not proposed: it would leave other rows
there than elsewhere. A member's row says what its software knows, and never says less than before.
docs/decisions/0015 tells what this does not cover, and what to do here when a release is made.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NewType, get_args, get_type_hints

import msgspec

from mys3d.registry import tables
from mys3d.registry.commands import Command
from mys3d.registry.transaction import Reader

# The fields of each record in a command that level 0 knows. Never changed; the present level knows all there are.
_FIRST: Final[Mapping[str, int]] = {
    "AbandonBody": 2,
    "Addresses": 3,
    "BeginLayout": 3,
    "BlobRef": 2,
    "BucketConfiguration": 5,
    "BumpGcEpoch": 1,
    "CancelOperation": 1,
    "ChangeSettings": 4,
    "Checksum": 3,
    "CompareRows": 2,
    "CondemnRows": 4,
    "Content": 4,
    "CopyObject": 7,
    "CreateBucket": 3,
    "CreateToken": 2,
    "DeleteBucket": 2,
    "DeleteObject": 4,
    "DeleteObjects": 2,
    "InitialiseCluster": 9,
    "InlineBlobs": 1,
    "JoinMember": 8,
    "Precondition": 2,
    "PutCredential": 5,
    "PutObject": 10,
    "Reap": 2,
    "ReleaseLayout": 1,
    "RemoveMember": 1,
    "ReportHomes": 3,
    "SealLayout": 1,
    "StageExtent": 6,
    "StagedBody": 2,
    "UpdateMember": 7,
}
FROZEN: Final[tuple[Mapping[str, int], ...]] = (_FIRST,)  # of all earlier levels
LEVEL: Final = len(FROZEN)  # of this software
_LOOKED_INTO_MAX: Final = 8  # records of a list that are looked into: longer ones are lists of blobs


def level_of(command: Command) -> int:
    """The lowest level that knows everything which `command` says."""
    return next((level for level in range(LEVEL) if _is_known(command, level)), LEVEL)


def lowest(reader: Reader) -> int:
    """The level that every member knows."""
    return min((member.level for member in tables.members(reader)), default=0)


def obstacle(reader: Reader, command: Command) -> str:
    """Why `command` must not be proposed to these members. Empty: nothing is in the way."""
    level = level_of(command)
    if level == 0:
        return ""
    old = [member.name for member in tables.members(reader) if member.level < level]
    if not old:
        return ""
    return f"upgrade {', '.join(old)} first: the software there does not know all of {type(command).__name__}"


def _is_known(record: msgspec.Struct, level: int) -> bool:
    """A field that is not known does no harm while it says what it says by default."""
    found = _fields(type(record), level)
    if found is None:
        return False
    records, new = found
    for name, default in new:
        if getattr(record, name) != default:
            return False
    for name in records:
        value = getattr(record, name)
        if isinstance(value, msgspec.Struct):
            if not _is_known(value, level):
                return False
        elif isinstance(value, tuple):
            for each in value[:_LOOKED_INTO_MAX]:
                if isinstance(each, msgspec.Struct) and not _is_known(each, level):
                    return False
    return True


@lru_cache(maxsize=256)  # asked for with every proposal, a few records each
def _fields(kind: type[msgspec.Struct], level: int) -> tuple[tuple[str, ...], tuple[tuple[str, object], ...]] | None:
    """Of a record, the fields that a level knows and that may hold records; the fields that it does not know, with
    their defaults. None: it does not know the kind."""
    count = FROZEN[level].get(kind.__name__)
    if count is None:
        return None
    names, defaults = kind.__struct_fields__, kind.__struct_defaults__
    new, hints = names[count:], get_type_hints(kind)
    records = tuple(name for name in names[:count] if _may_hold_records(hints[name]))
    return records, tuple(zip(new, defaults[len(defaults) - len(new) :], strict=True))


def _may_hold_records(hint: object) -> bool:
    if isinstance(hint, NewType):
        return _may_hold_records(hint.__supertype__)
    if isinstance(hint, type) and not get_args(hint):
        return issubclass(hint, msgspec.Struct) or hint in (object, tuple)
    return any(_may_hold_records(argument) for argument in get_args(hint))
