"""`start` and `join`: the two commands that run a node.        Floor: top. Called by: root."""

from pathlib import Path
from typing import Any

import click

from mys3d.cli.busy_ports import refuse_busy_ports
from mys3d.cli.configuration import config_of, node_options
from mys3d.cli.failure import Exit, Failure
from mys3d.cli.nodes import IDENTITY_NAME, is_dev_directory, other_node
from mys3d.config import NodeConfig
from mys3d.config.credentials import CREDENTIALS_NAME
from mys3d.errors import Unavailable


@click.command()
@node_options
@click.option("--until-stdin-closes", is_flag=True, hidden=True)
def start(until_stdin_closes: bool, **flags: Any) -> None:
    """Run one node. One node is already a cluster; on an empty directory it becomes a new one."""
    config = config_of(flags)
    _refuse_wrong_directory(config.data)
    _refuse_ports(config)
    _serve(config, None, until_stdin_closes)


@click.command()
@click.argument("token", envvar="MYS3D_TOKEN")
@node_options
@click.option("--until-stdin-closes", is_flag=True, hidden=True)
def join(token: str, until_stdin_closes: bool, **flags: Any) -> None:
    """Join this machine to a cluster and run its node.

    TOKEN is what `mys3d token` printed on a member. Later runs: `mys3d start`.
    """
    config = config_of(flags)
    _refuse_wrong_directory(config.data)
    if (config.data / IDENTITY_NAME).exists():
        message = f"{config.data} belongs to a node already"
        raise Failure(message, f"run it: mys3d start --data {config.data}", Exit.REFUSED)
    _refuse_ports(config)
    _serve(config, token, until_stdin_closes)


def _refuse_wrong_directory(data: Path) -> None:
    if is_dev_directory(data):
        message = f"{data} is a directory of `mys3d dev`"
        raise Failure(message, f"name another one, or one of its nodes: --data {data / 'n1'}", Exit.REFUSED)
    running = other_node(data)
    if running is not None:
        raise Failure(f"{running.name} (process {running.pid}) runs in {data} already", code=Exit.REFUSED)


def _refuse_ports(config: NodeConfig) -> None:
    refuse_busy_ports([("S3", config.s3_bind), ("admin", config.admin_bind), ("peers", config.peers_bind)])


def _serve(config: NodeConfig, token: str | None, until_stdin_closes: bool) -> None:
    from mys3d.cli.serving import run_until_stopped
    from mys3d.node import run_node

    def say_ready(_: object) -> None:
        click.echo(f"mys3d: {config.name} serves S3 at {config.endpoint}")
        if (config.data / CREDENTIALS_NAME).exists():
            click.echo(f"mys3d: its root key is in {config.data / CREDENTIALS_NAME}; see `mys3d env`")

    async def live() -> None:
        if token is not None:
            await _join(config, token)
            click.echo(f"mys3d: {config.name} has joined; it copies what it should hold while it serves")
        await run_node(config, on_ready=say_ready)

    run_until_stopped(live, until_stdin_closes=until_stdin_closes)


async def _join(config: NodeConfig, token: str) -> None:
    """Join; when the member of the token is what fails, say where to look."""
    from mys3d.node import join_cluster

    try:
        await join_cluster(config, token)
    except Unavailable as error:
        address = token.rpartition("@")[2]
        if address not in str(error):
            raise
        hint = f"look whether that member runs, and whether this machine reaches {address}"
        raise Failure(str(error), hint, Exit.UNREACHABLE) from error
