"""PySyncObj's transport over the control lanes.        Floor: driver. Called by: consensus.

Law: what promises durability (acknowledgements, votes, candidacies) waits in the gated queue until the journal is
synced; a node that is neither voter nor member is not heard and not spoken to. Frames to one node keep their order
per queue."""

from collections.abc import Callable

from pysyncobj.node import Node
from pysyncobj.transport import Transport as StockTransport

from mys3d.consensus import messages
from mys3d.consensus.messages import Message
from mys3d.model.names import NodeId
from mys3d.ports import Wire


class RaftTransport(StockTransport):  # type: ignore[misc] # PySyncObj ships no types
    """Queues of one cycle; `flush_now` before the sync, `flush_gated` after it."""

    def __init__(self, node: NodeId, wire: Wire) -> None:
        super().__init__(None, None, [])
        self.node = node
        self.members: frozenset[NodeId] = frozenset()
        self.frames_refused = 0  # by the wire: not connected, or its queue was full
        self.addressee: Callable[[NodeId], tuple[bytes, bool]] = lambda node: (b"", False)
        self._wire = wire
        self._voters: set[NodeId] = set()
        self._now: list[tuple[NodeId, bytes]] = []
        self._gated: list[tuple[NodeId, bytes]] = []

    @property
    def ready(self) -> bool:
        return True

    def addNode(self, node: Node) -> None:  # noqa: N802 # stock name
        self._voters.add(NodeId(node.id))

    def dropNode(self, node: Node) -> None:  # noqa: N802 # stock name
        self._voters.discard(NodeId(node.id))

    def destroy(self) -> None:
        """Nothing to release: the lanes belong to the peers."""

    def knows(self, node: NodeId) -> bool:
        return node in self.members or node in self._voters

    def connected(self, node: NodeId) -> bool:
        return self._wire.connected(node)

    def send(self, node: Node, message: Message | dict[str, int | str]) -> bool:
        """Queue one message. Stock code sends dictionaries, our handlers send messages."""
        ours = self._translate(node, message) if isinstance(message, dict) else message
        if not self.knows(NodeId(node.id)):
            return False
        queue = self._gated if isinstance(ours, messages.GATED) else self._now
        queue.append((NodeId(node.id), messages.encode(ours)))
        return True

    def _translate(self, node: Node, message: dict[str, int | str]) -> Message:
        """The three messages that stock code still makes itself."""
        kind, term = message["type"], int(message["term"])
        if kind == "request_vote":
            last_index, last_term = int(message["last_log_index"]), int(message["last_log_term"])
            return messages.RequestVote(term, last_index, last_term, *self.addressee(NodeId(node.id)))
        if kind == "response_vote":
            return messages.Vote(term)
        assert kind == "timeout_now", f"stock code sent {kind}, which one of our handlers should have replaced"
        return messages.TimeoutNow(term)

    def send_frame(self, node: Node, frame: bytes) -> None:
        """Queue an ungated message that was encoded once for several nodes."""
        if self.knows(NodeId(node.id)):
            self._now.append((NodeId(node.id), frame))

    def flush_now(self) -> None:
        self._flush(self._now)

    def flush_gated(self) -> None:
        self._flush(self._gated)

    def _flush(self, queue: list[tuple[NodeId, bytes]]) -> None:
        for node, frame in queue:
            if not self._wire.send(node, frame):
                self.frames_refused += 1
        queue.clear()
