"""Both public listeners of a node: S3, and admin.        Floor: web. Called by: node.

Law: Hypercorn keeps configuration, sockets, TLS, lifespan and graceful shutdown; the connections are ours.
"""

from dataclasses import dataclass
from typing import Final

import trio
from hypercorn.trio import serve
from quart_trio import QuartTrio

from mys3d import limits
from mys3d.web import descriptors
from mys3d.web.certificate import Certificate
from mys3d.web.deadlines import Deadlines
from mys3d.web.front_config import FrontConfig
from mys3d.web.install import install

DEADLINES: Final = Deadlines()


@dataclass(frozen=True, slots=True)
class Bound:
    """Where a node listens, as URLs."""

    s3: tuple[str, ...]
    admin: tuple[str, ...]


async def serve_front(
    s3_app: QuartTrio,
    s3_bind: str,
    admin_app: QuartTrio,
    admin_bind: str,
    *,
    shutdown: trio.Event,
    certificate: Certificate | None = None,
    deadlines: Deadlines = DEADLINES,
    connections_max: int | None = None,
    task_status: trio.TaskStatus[Bound] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `shutdown` is set and the requests in flight are answered. Binds are "host:port"; port 0 works.

    `certificate`, `connections_max`: of the S3 port. None: plain HTTP; as many as this process may have.
    """
    install()
    s3_connections = connections_max or descriptors.connections()
    s3_config = FrontConfig(s3_bind, deadlines, certificate, s3_connections)
    admin_config = FrontConfig(admin_bind, deadlines, None, limits.admin_connections_max)
    async with trio.open_nursery() as nursery:
        s3 = await nursery.start(_serve, s3_app, s3_config, shutdown)
        admin = await nursery.start(_serve, admin_app, admin_config, shutdown)
        task_status.started(Bound(tuple(s3), tuple(admin)))


async def _serve(
    app: QuartTrio,
    config: FrontConfig,
    shutdown: trio.Event,
    *,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    async def until_shutdown() -> None:
        await shutdown.wait()
        config.lobby.close()  # idle connections end now; Hypercorn closes the listener next

    async with trio.open_nursery() as nursery:
        nursery.start_soon(config.lobby.keep)
        if config.certificate is not None:
            nursery.start_soon(config.certificate.watch)
        await serve(app, config, shutdown_trigger=until_shutdown, task_status=task_status, mode="asgi")
        nursery.cancel_scope.cancel()
