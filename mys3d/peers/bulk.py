"""What a node knows of its bulk lanes.        Floor: driver. Called by: link, network, server; made by node."""

from dataclasses import dataclass

from mys3d.buffers import Buffers
from mys3d.peers.seal import SECRET_BYTES
from mys3d.ports import Entropy


@dataclass(frozen=True, slots=True)
class Bulk:
    """`buffers` take large frames. `has_plain`: blobs over 64 KiB go unencrypted from and to peers that are told so."""

    buffers: Buffers
    entropy: Entropy
    has_plain: bool = False

    def new_secret(self) -> bytes:
        """Our half of what the keys of a plain lane are made of."""
        return self.entropy.token(SECRET_BYTES)
