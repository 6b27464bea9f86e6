"""Who may do what.        Floor: policy (pure). Called by: operations.

Law: a decision depends on its arguments alone, and what is not allowed is refused.
"""

import enum

from mys3d.model.access import Credential


class Decision(enum.Enum):
    ALLOW = "allow"
    DENY = "deny"


def decide(principal: Credential | None, action: str) -> Decision:
    """Decide one S3 action (`s3:GetObject`). None: an anonymous request, refused until bucket policies exist."""
    del action  # every key of this format is a root key, and a root key may do everything
    if principal is not None and principal.is_root:
        return Decision.ALLOW
    return Decision.DENY
