"""May this caller do that?        Floor: policy (pure). Called by: operations.

Law: what is not allowed is denied, and the answer depends on the arguments alone.
LIMIT: this release knows one kind of caller that may do anything, the root user; users and policies come later.
"""

import enum
from dataclasses import dataclass

from mys3d.model.names import AccessKey


class Decision(enum.Enum):
    ALLOW = enum.auto()
    DENY = enum.auto()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who speaks, after the signature was verified."""

    access_key: AccessKey
    user: str
    is_root: bool


def decide(principal: Principal | None, action: str, resource: str) -> Decision:
    """Decide on `action` (`s3:GetObject`) and `resource` (`bucket/key`). None: nobody signed the request."""
    assert action.startswith("s3:"), f"an action is s3:..., found {action}"
    if principal is None or not principal.is_root:
        return Decision.DENY
    return Decision.ALLOW
