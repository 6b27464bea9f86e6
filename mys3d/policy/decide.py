"""May this caller do that?        Floor: policy (pure). Called by: operations.

Law: what is not allowed is denied, and the answer depends on the arguments alone.
LIMIT: there are no policies yet: root may do anything, a user what concerns its own buckets, nobody else anything.
"""

import enum
from dataclasses import dataclass
from typing import Final

from mys3d.model.names import AccessKey, UserId


class Decision(enum.Enum):
    ALLOW = enum.auto()
    DENY = enum.auto()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who speaks, after the signature was verified."""

    access_key: AccessKey  # empty: nobody signed
    user: UserId  # the owner of what it makes; empty: nobody signed
    is_root: bool


ANONYMOUS: Final = Principal(AccessKey(""), UserId(""), is_root=False)


def decide(principal: Principal, action: str, owner: UserId | None) -> Decision:
    """Decide on `action` (`s3:GetObject`) in a bucket of `owner`. None: it concerns no bucket that exists."""
    assert action.startswith("s3:"), f"an action is s3:..., found {action}"
    if principal == ANONYMOUS:
        return Decision.DENY
    return Decision.ALLOW if principal.is_root or owner in (None, principal.user) else Decision.DENY
