"""`mys3d dev` and what it can be told while it runs.        Floor: top. Called by: root."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from mys3d.cli.busy_ports import refuse_busy_ports
from mys3d.cli.configuration import config_of
from mys3d.cli.dev_plan import BUCKET, NODES_MAX, PORT_MAX, DevPlan, plan_nodes, read_dev_file
from mys3d.cli.failure import Exit, Failure, failure_of
from mys3d.cli.nodes import is_dev_directory
from mys3d.config import Credentials, NodeConfig, generate_credentials, read_credentials, write_credentials

_data = click.option("--data", metavar="DIR", help="Where the cluster is kept [MYS3D_DATA, ./mys3d-data].")


@click.group(invoke_without_command=True)
@_data
@click.option("--nodes", type=click.IntRange(1, NODES_MAX), help="How many nodes [3, or as many as there are].")
@click.option("--port", metavar="PORT", help="S3 port of n1; each further node listens 10 higher [S3_PORT, 9000].")
@click.option("--ready-file", metavar="FILE", type=click.Path(path_type=Path), help="Write JSON here once all serve.")
@click.pass_context
def dev(context: click.Context, data: str | None, nodes: int | None, port: str | None, ready_file: Path | None) -> None:
    """Run a whole cluster on this machine, to try it and to break it.

    It listens on loopback only. Ctrl-C stops it; data is kept.
    """
    if context.invoked_subcommand is not None:
        return
    plan, config = plan_of(data, nodes, port)
    run_dev(plan, config, ready_file)


@dev.command()
@click.argument("name")
@_data
def kill(name: str, data: str | None) -> None:
    """Kill a node as a power cut would (SIGKILL). It stays down until `mys3d dev start NAME`."""
    _tell(data, "kill", name)


@dev.command()
@click.argument("name")
@_data
def start(name: str, data: str | None) -> None:
    """Start a node that was killed; returns once it serves."""
    _tell(data, "start", name)


def _tell(data: str | None, verb: str, name: str) -> None:
    from mys3d.cli.dev_control import ask_supervisor

    click.echo(ask_supervisor(_data_of(data), verb, name))


def _data_of(data: str | None) -> Path:
    outer = click.get_current_context().parent
    given = data or (outer.params.get("data") if outer is not None else None)
    return config_of({"data": given}).data


def plan_of(data: str | None, nodes: int | None, port: str | None) -> tuple[DevPlan, NodeConfig]:
    """Return the cluster to run: what was asked for, else what this directory had, else the defaults."""
    where = config_of({"data": data}).data
    if (where / "identity").exists():
        message = f"{where} is the directory of a node, not of `mys3d dev`"
        raise Failure(message, "name another one: --data DIR", Exit.REFUSED)
    before: dict[str, Any] = read_dev_file(where) if is_dev_directory(where) else {}
    is_port_set = port is not None or {"S3_PORT", "MYS3D_PORT"} & set(os.environ)
    chosen = None if is_port_set else before.get("port")
    config = config_of({"data": str(where), "port": port if port is not None else chosen})
    count = max(nodes or int(before.get("nodes", 3)), int(before.get("nodes", 1)))
    _refuse_high_port(config.s3_bind.port, count)
    where.mkdir(parents=True, exist_ok=True)
    plan = DevPlan(
        data=where,
        nodes=plan_nodes(where, config.s3_bind.port, count),
        credentials=_credentials(where, config),
        bucket=config.bucket or BUCKET,
        registry=None if config.registry_path == where / "registry" else config.registry_path,
        log_level=config.log_level,
        log_keep_entries=config.log_keep_entries,
        domains=config.domains,
        certificate=config.certificate,
        peers_bulk=config.peers_bulk,
    )
    return plan, config


def _refuse_high_port(port: int, count: int) -> None:
    highest = PORT_MAX - (plan_nodes(Path(), 0, count)[-1].peers.port)
    if port > highest:
        message = f"{count} nodes from port {port} on do not fit below {PORT_MAX + 1}"
        raise Failure(message, f"choose one up to {highest}: --port PORT", Exit.CONFIG)


def _credentials(data: Path, config: NodeConfig) -> Credentials:
    """The key that this cluster has; at its first start the configured one, else a new one. Kept 0600."""
    path = data / "credentials"
    try:
        found = read_credentials(path)
    except ValueError as error:
        raise Failure(str(error), "put the right one there, or name another directory: --data DIR") from error
    if found is None:
        found = generate_credentials(config.region)
        if config.access_key is not None and config.secret_key is not None:
            found = Credentials(config.access_key, config.secret_key, config.region)
        write_credentials(path, found)
    elif config.access_key not in (None, found.access_key):
        click.echo(f"mys3d: this cluster was made with key {found.access_key}, which it keeps", err=True)
    return found


def run_dev(plan: DevPlan, config: NodeConfig, ready_file: Path | None) -> None:
    """Run the supervisor to its end."""
    import trio

    from mys3d.cli.dev_leftovers import end_leftovers, only_supervisor
    from mys3d.cli.dev_supervisor import Supervisor
    from mys3d.cli.dev_text import banner

    def say(sentence: str) -> None:
        click.echo(f"mys3d: {sentence}", err=True)

    def announce(seconds: float, is_settled: bool) -> None:
        click.echo(banner(plan, _surroundings(), seconds, is_settled))

    for note in [] if is_dev_directory(plan.data) else config.notes:
        if note.startswith(("S3_PORT", "S3_ACCESSKEY")):
            say(note)
    with only_supervisor(plan.data):
        end_leftovers(plan.nodes, say)
        _refuse_ports(plan)
        try:
            trio.run(Supervisor(plan, say).run, announce, ready_file)
        except (OSError, ExceptionGroup, Failure) as error:
            failure = failure_of(error)
            if failure is None:
                raise
            raise failure from error


def _refuse_ports(plan: DevPlan) -> None:
    refuse_busy_ports(
        (f"{node.name}'s {use}", address)
        for node in plan.nodes
        for use, address in (("S3", node.s3), ("admin", node.admin), ("peers", node.peers))
    )


def _surroundings() -> Any:
    from mys3d.cli.dev_text import Surroundings

    programs = Path(sys.executable).parent
    ours = frozenset(
        name for name in ("mys3d", "aws") if (found := shutil.which(name)) and Path(found) == programs / name
    )
    return Surroundings(Path.cwd(), programs, ours)
