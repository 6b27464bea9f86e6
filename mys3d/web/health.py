"""Is this node alive, ready, and is its cluster well?        Floor: web. Called by: app; asked by load balancers.

Law: answered without authentication, and so without a name, an address or a size of anything.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from quart import Blueprint, Response

HEALTH_PATH = "/_mys3d/health"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer, and what speaks against it."""

    is_well: bool
    reasons: tuple[str, ...] = ()


Check = Callable[[], Awaitable[Verdict]]


@dataclass(frozen=True, slots=True)
class Health:
    """What a node can say of itself."""

    live: Check  # the process turns; restart it when not
    ready: Check  # it can answer S3 requests; send them elsewhere when not
    cluster: Check  # writes are accepted and every blob has its copies


def health_routes(health: Health) -> Blueprint:
    """Serve the three checks: 200 when well, else 503, with the reasons as JSON."""
    routes = Blueprint("health", __name__, url_prefix=HEALTH_PATH)

    @routes.get("/live")
    async def live() -> Response:
        return _answer(await health.live())

    @routes.get("/ready")
    async def ready() -> Response:
        return _answer(await health.ready())

    @routes.get("/cluster")
    async def cluster() -> Response:
        return _answer(await health.cluster())

    return routes


def _answer(verdict: Verdict) -> Response:
    status = HTTPStatus.OK if verdict.is_well else HTTPStatus.SERVICE_UNAVAILABLE
    body = {"status": "ok" if verdict.is_well else "unavailable", "reasons": verdict.reasons}
    return Response(
        msgspec.json.encode(body),
        status.value,
        headers={"cache-control": "no-store"},
        content_type="application/json",
    )
