"""What every operation may use.        Floor: operations. Made by: node.

Law: an operation reaches the world only through this record; it holds no state of a request.
"""

from dataclasses import dataclass, field

from mys3d.engine.budget import BufferBudget
from mys3d.engine.vault import Vault
from mys3d.ports import Ports
from mys3d.s3.sigv4 import SigningKeys


@dataclass(frozen=True, slots=True)
class Services:
    """The doors, the budget of body buffers, the secrets, and what this cluster and node are called."""

    ports: Ports
    budget: BufferBudget
    vault: Vault
    region: str  # the region that requests are signed for
    host_id: str  # x-amz-id-2: which node answered
    domains: tuple[str, ...] = ()  # a bucket may stand in front of each in the Host header; none: path style alone
    signing_keys: SigningKeys = field(default_factory=SigningKeys)
