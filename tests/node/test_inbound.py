"""What peers ask reaches whoever answers."""

from typing import Any

from mys3d.model.digest import digest_of
from mys3d.model.names import GcEpoch, LogIndex, NodeId
from mys3d.model.scrub import ScrubAction
from mys3d.node.inbound import Inbound


class Recorder:
    """Answers every call with its name and remembers the arguments."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        def heard(*arguments: Any) -> str:
            self.calls.append((name, *arguments))
            return name

        async def answered(*arguments: Any) -> str:
            return heard(*arguments)

        return heard if name in ("on_frame", "on_connected", "on_disconnected") else answered


async def test_each_call_is_handed_on_with_its_arguments() -> None:
    service, listener, inbound = Recorder(), Recorder(), Inbound()
    inbound.attach(service, listener)
    node, digest, epoch = NodeId("b" * 32), digest_of(b"x"), GcEpoch(3)
    join: Any = "a join"
    await inbound.on_push(digest, [b"x"], epoch)
    assert await inbound.on_fetch(digest, 0, 1) == "on_fetch"
    assert await inbound.on_have([], epoch) == "on_have"
    assert await inbound.on_status() == "on_status"
    assert await inbound.on_scrub(ScrubAction.START) == "on_scrub"
    assert await inbound.on_join(join) == "on_join"
    inbound.on_frame(node, b"frame")
    inbound.on_connected(node)
    inbound.on_disconnected(node)
    assert await inbound.on_open_snapshot(LogIndex(7)) == "on_open_snapshot"
    assert await inbound.on_snapshot_piece(1, 2, 3, 4) == "on_snapshot_piece"
    assert service.calls == [
        ("on_push", digest, [b"x"], epoch),
        ("on_fetch", digest, 0, 1),
        ("on_have", [], epoch),
        ("on_status",),
        ("on_scrub", ScrubAction.START),
        ("on_join", join),
    ]
    assert listener.calls == [
        ("on_frame", node, b"frame"),
        ("on_connected", node),
        ("on_disconnected", node),
        ("on_open_snapshot", 7),
        ("on_snapshot_piece", 1, 2, 3, 4),
    ]
