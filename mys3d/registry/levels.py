"""What software of each age knows of commands.        Floor: registry (pure). Called by: consensus, rules, node.

Law: a command that some member could not decode, or would read only in part, is not proposed: it would leave other rows
there than elsewhere. A member's row says what its software knows, and never says less than before.
docs/decisions/0015 tells what this does not cover, and what to do here when a release is made.
"""

from collections.abc import Mapping
from typing import Final

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
    return next((level for level, known in enumerate(FROZEN) if _is_known(command, known)), LEVEL)


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


def _is_known(record: msgspec.Struct, known: Mapping[str, int]) -> bool:
    """A field that is not known does no harm while it says what it says by default."""
    count = known.get(type(record).__name__)
    if count is None:
        return False
    for number, name in enumerate(record.__struct_fields__):
        value = getattr(record, name)
        if number >= count:
            first_default = len(record.__struct_fields__) - len(record.__struct_defaults__)
            if value != record.__struct_defaults__[number - first_default]:
                return False
        elif not all(_is_known(each, known) for each in _records_in(value)):
            return False
    return True


def _records_in(value: object) -> list[msgspec.Struct]:
    found = value[:_LOOKED_INTO_MAX] if isinstance(value, tuple) else (value,)
    return [each for each in found if isinstance(each, msgspec.Struct)]
