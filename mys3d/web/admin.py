"""The admin API of a node, as JSON.        Floor: web. Called by: app; asked by the CLI.

Law: nothing is told or done without the bearer token, which only a holder of the cluster key can compute.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec
from blake3 import blake3
from quart import Blueprint, Response, request

from mys3d.errors import OutcomeUnknown, Rejected, Unavailable

API_PATH: Final = "/_mys3d/api/v1"
TOKEN_CONTEXT: Final = "mys3d admin"  # BLAKE3 key derivation context: the token tells nothing of the key

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Action:
    """One `POST /{name}`: its body is a JSON object of type `asked`."""

    asked: type[msgspec.Struct]
    do: Callable[[Any], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class AdminCalls:
    """What the API can ask of a node. Each returns what msgspec can write as JSON."""

    status: Call  # the ClusterStatus record
    token: Call  # {"token", "expires_at"}: admits one node, once
    actions: Mapping[str, Action] = field(default_factory=dict)


def admin_token(cluster_key: bytes) -> str:
    """Derive the bearer token that every holder of the cluster key computes alike."""
    return blake3(cluster_key, derive_key_context=TOKEN_CONTEXT).hexdigest()


def admin_routes(calls: AdminCalls, token: str) -> Blueprint:
    routes = Blueprint("admin", __name__, url_prefix=API_PATH)
    expected = f"Bearer {token}".encode()

    @routes.before_request
    async def authenticate() -> Response | None:
        given = request.headers.get("Authorization", "").encode("latin-1", "replace")
        if hmac.compare_digest(given, expected):
            return None
        refusal = _json(HTTPStatus.UNAUTHORIZED, {"error": "the bearer token of this cluster is missing or wrong"})
        refusal.headers["www-authenticate"] = "Bearer"
        return refusal

    @routes.get("/status")
    async def status() -> Response:
        return await _call(calls.status)

    @routes.post("/token")
    async def new_token() -> Response:
        return await _call(calls.token)

    @routes.post("/<name>")
    async def act(name: str) -> Response:
        action = calls.actions.get(name)
        if action is None:
            return _json(HTTPStatus.NOT_FOUND, {"error": f"this node has no action {name}"})
        try:
            asked = msgspec.json.decode(await request.get_data() or b"{}", type=action.asked)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        return await _call(lambda: action.do(asked))

    return routes


async def _call(call: Call) -> Response:
    try:
        return _json(HTTPStatus.OK, await call())
    except Rejected as error:
        return _json(HTTPStatus.CONFLICT, {"error": str(error)})
    except (Unavailable, OutcomeUnknown) as error:
        return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": str(error)})


def _json(status: HTTPStatus, value: object) -> Response:
    return Response(
        msgspec.json.encode(value),
        status.value,
        headers={"cache-control": "no-store"},
        content_type="application/json",
    )
