"""The registry, as the applier drives it.        Floor: driver. Called by: node, simulation.

Law: the consensus knows the registry's rules by these functions only; tests of this room bind smaller ones.
"""

from typing import Final

from mys3d.consensus.applier import Machine
from mys3d.registry import ahead, apply, codec, levels, queries
from mys3d.registry.transaction import Overlay

MACHINE: Final = Machine(
    overlay=Overlay,
    apply_command=apply.apply_command,
    apply_noop=apply.apply_noop,
    apply_membership=apply.apply_membership,
    applied=queries.applied,
    voters=queries.voters,
    incarnations=queries.incarnations,
    encode=codec.encode_proposal,
    outcome=queries.outcome,
    obstacle=levels.obstacle,
    rows_of=ahead.rows_of,
)
