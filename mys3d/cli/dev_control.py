"""How `mys3d dev kill n2` reaches the supervisor: one line of JSON over loopback, one line back.        Floor: top.

Called by: dev_supervisor (listens), dev_commands (asks). Law: only who can read dev.json (0600) knows the port and the
secret; a Unix socket would be simpler, but its path may have 107 bytes only, and data directories are longer.
"""

import hmac
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import trio

from mys3d.cli.dev_plan import HOST, read_dev_file
from mys3d.cli.failure import Exit, Failure

LINE_BYTES_MAX: Final = 4096
SECONDS: Final = 30.0

Handler = Callable[[str, str], Awaitable[str]]  # (verb, node name) -> sentence; raises Failure


async def serve_control(listener: trio.SocketListener, secret: str, handle: Handler) -> None:
    """Answer commands until cancelled."""

    async def talk(stream: trio.SocketStream) -> None:
        with trio.move_on_after(SECONDS):
            try:
                await stream.send_all(await _answer(await _read_line(stream), secret, handle))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return  # the asker went away: what was asked is done all the same

    await trio.serve_listeners(talk, [listener])


async def _read_line(stream: trio.SocketStream) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n") and len(line) < LINE_BYTES_MAX:
        piece = await stream.receive_some(LINE_BYTES_MAX)
        if not piece:
            break
        line += piece
    return bytes(line)


async def _answer(line: bytes, secret: str, handle: Handler) -> bytes:
    try:
        asked = json.loads(line)
        verb, name, given = str(asked["verb"]), str(asked["name"]), str(asked["secret"])
    except (ValueError, KeyError, TypeError):
        return _line({"error": "not a command", "code": int(Exit.USAGE)})
    if not hmac.compare_digest(given.encode(), secret.encode()):
        return _line({"error": "the secret of dev.json is another one", "code": int(Exit.DENIED)})
    try:
        return _line({"said": await handle(verb, name)})
    except Failure as failure:
        return _line({"error": failure.message, "hint": failure.hint, "code": int(failure.code)})


def _line(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts).encode() + b"\n"


def ask_supervisor(data: Path, verb: str, name: str) -> str:
    """Ask the running supervisor of `data`; return its sentence, or end the command as it says."""
    facts = read_dev_file(data)
    request = _line({"verb": verb, "name": name, "secret": facts["secret"]})
    try:
        with socket.create_connection((HOST, facts["control"]), timeout=SECONDS) as connection:
            connection.sendall(request)
            with connection.makefile("rb") as answers:
                line = answers.readline(LINE_BYTES_MAX)
        answer = json.loads(line)
    except (OSError, ValueError) as error:
        hint = f"start it: mys3d dev --data {data}"
        raise Failure(f"`mys3d dev` does not run on {data}", hint, Exit.UNREACHABLE) from error
    if "error" in answer:
        raise Failure(answer["error"], answer.get("hint", ""), Exit(answer["code"]))
    return str(answer["said"])
