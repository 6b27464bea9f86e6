"""One node: the only room that names a driver.        Floor: composition root. Called by: cli.

Law: what a node starts it also stops, in the opposite order, also when it is cancelled.
"""

from mys3d.node.joining import join_cluster
from mys3d.node.life import RunningNode, run_node

__all__ = ["RunningNode", "join_cluster", "run_node"]
