"""Speaking to the supervisor; the conversation itself is tested with the supervisor."""

import json
from pathlib import Path

import pytest
import trio

from mys3d.cli.dev_control import ask_supervisor, serve_control
from mys3d.cli.failure import Exit, Failure


async def said(nursery: trio.Nursery, line: bytes) -> dict[str, object]:
    async def handle(verb: str, name: str) -> str:
        return f"{verb} {name}"

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(serve_control, listener, "secret", handle)
    stream = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
    async with stream:
        await stream.send_all(line)
        answer: dict[str, object] = json.loads(await stream.receive_some(4096))
    return answer


async def test_a_command_with_the_secret_is_handled(nursery: trio.Nursery) -> None:
    line = b'{"verb": "kill", "name": "n2", "secret": "secret"}\n'
    assert await said(nursery, line) == {"said": "kill n2"}


@pytest.mark.parametrize("line", [b"hello\n", b"[]\n", b'{"verb": "kill"}\n', b"x" * 5000])
async def test_what_is_not_a_command_is_refused(nursery: trio.Nursery, line: bytes) -> None:
    assert (await said(nursery, line))["code"] == Exit.USAGE


def test_a_supervisor_that_is_gone_is_named(tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_text('{"control": 1, "secret": "x"}')
    with pytest.raises(Failure) as caught:
        ask_supervisor(tmp_path, "kill", "n2")
    assert caught.value.code == Exit.UNREACHABLE
    assert caught.value.hint == f"start it: mys3d dev --data {tmp_path}"
