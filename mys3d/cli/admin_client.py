"""The admin API of a running node, asked from its own machine.        Floor: top.

Called by: token, status, health, dev. Law: whoever can read a node's `cluster.key` may administer it; the token is
derived from that file and never stored.
"""

import http.client
import json
from pathlib import Path
from typing import Any, Final

from blake3 import blake3

from mys3d.cli.failure import Exit, Failure
from mys3d.cli.nodes import RunningNode, running_nodes

API: Final = "/_mys3d/api/v1"
HEALTH: Final = "/_mys3d/health"
KEY_NAME: Final = "cluster.key"
TOKEN_CONTEXT: Final = "mys3d admin"
_SECONDS: Final = 15.0  # creating a token is one commit: longer than limits.propose_deadline_seconds


def admin_token(data: Path) -> str:
    """Derive the bearer token from the cluster key of a node's directory."""
    try:
        key = (data / KEY_NAME).read_bytes()
    except FileNotFoundError as error:
        raise Failure(f"{data / KEY_NAME} is missing", code=Exit.NOT_FOUND) from error
    except PermissionError as error:
        raise Failure(f"{data / KEY_NAME} cannot be read", "use the node's user, or sudo", Exit.DENIED) from error
    return blake3(key, derive_key_context=TOKEN_CONTEXT).hexdigest()


def ask_any(data: Path, method: str, path: str, asked: object = None) -> Any:
    """Ask the running nodes of a directory one after the other; return the first answer, or fail as the last did."""
    failure: Failure | None = None
    for node in running_nodes(data):
        try:
            return ask(node, method, path, asked)
        except Failure as error:
            failure = error
            if error.code == Exit.DENIED:
                break
    assert failure is not None
    raise failure


def ask(node: RunningNode, method: str, path: str, asked: object = None) -> Any:
    """`asked` goes along as JSON. None: nothing does."""
    headers = {"Authorization": f"Bearer {admin_token(node.data)}"}
    body = b"" if asked is None else json.dumps(asked).encode()
    status, body = _exchange_here(node.admin, method, API + path, headers, body=body)
    if status in (401, 403):
        message = f"{node.name} at {node.admin} refused the token made from {node.data / KEY_NAME}"
        raise Failure(message, "does another cluster's node listen on this port?", Exit.DENIED)
    if status != 200:
        code, hint = (Exit.UNREACHABLE, "look at: mys3d status") if status == 503 else (Exit.FAILED, "")
        raise Failure(f"{node.name} at {node.admin} answered {status}: {_reason(body)}", hint, code)
    try:
        return json.loads(body)
    except ValueError as error:
        raise Failure(f"{node.name} at {node.admin} did not answer with JSON") from error


def _reason(body: bytes) -> str:
    """The sentence of an error answer, else the text of whatever answered."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()[:500]


def health(address: str, kind: str, seconds: float = 2.0) -> bool:
    """True when the node at `address` says that it is `live`, `ready` or that its `cluster` is well."""
    try:
        status, _ = _exchange_here(address, "GET", f"{HEALTH}/{kind}", {}, seconds)
    except Failure:
        return False
    return status == 200


def _exchange_here(
    address: str, method: str, path: str, headers: dict[str, str], seconds: float = _SECONDS, body: bytes = b""
) -> tuple[int, bytes]:
    """Ask at the advertised address, and on loopback when nobody listens there: the admin port may be bound to it."""
    try:
        return _exchange(address, method, path, headers, seconds, body)
    except Failure as failure:
        loopback = f"127.0.0.1:{address.rpartition(':')[2]}"
        if failure.code != Exit.UNREACHABLE or address == loopback:
            raise
        try:
            return _exchange(loopback, method, path, headers, seconds, body)
        except Failure:
            raise failure from None


def _exchange(
    address: str, method: str, path: str, headers: dict[str, str], seconds: float = _SECONDS, body: bytes = b""
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(address, timeout=seconds)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except TimeoutError as error:
        raise Failure(f"{address} did not answer within {seconds:g} s", code=Exit.TIMEOUT) from error
    except (OSError, http.client.HTTPException) as error:
        raise Failure(f"{address} does not answer: {error}", code=Exit.UNREACHABLE) from error
    finally:
        connection.close()
