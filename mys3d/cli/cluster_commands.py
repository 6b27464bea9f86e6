"""Commands that ask a running node, and the two that ask nobody.        Floor: top. Called by: root."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from mys3d import __version__
from mys3d.cli import admin_client
from mys3d.cli.configuration import config_of, data_directory
from mys3d.cli.failure import Exit, Failure
from mys3d.cli.nodes import running_nodes
from mys3d.config import Credentials, read_credentials

_data = click.option("--data", metavar="DIR", help="The node's directory [MYS3D_DATA, ./mys3d-data].")


@click.command()
@_data
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def token(data: str | None, as_json: bool) -> None:
    """Print a join token: one line, used once, valid for one hour."""
    answer = admin_client.ask_any(data_directory(data), "POST", "/token")
    click.echo(json.dumps(answer) if as_json else answer["token"])
    if not as_json and sys.stdout.isatty():
        click.echo("on the new machine: mys3d join TOKEN --data DIR", err=True)


@click.command()
@_data
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def status(context: click.Context, data: str | None, as_json: bool) -> None:
    """Show the nodes, the copies, and what can be lost now. Exit code 8: not healthy."""
    answer = admin_client.ask_any(data_directory(data), "GET", "/status")
    if as_json:
        click.echo(json.dumps(answer))
    else:
        _print_status(answer)
    context.exit(Exit.OK if answer["health"] == "healthy" else Exit.DEGRADED)


def _print_status(answer: dict[str, Any]) -> None:
    from rich.console import Console

    from mys3d.cli.status_table import status_view

    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    console.print(status_view(answer))


@click.command()
@_data
@click.argument("kind", type=click.Choice(["live", "ready", "cluster"]), default="ready")
def health(data: str | None, kind: str) -> None:
    """Ask the node of this machine whether it serves.

    KIND is live, ready (the default) or cluster. Exit code 0: yes, 8: no.
    """
    for node in running_nodes(data_directory(data)):
        if not admin_client.health(node.admin, kind):
            raise Failure(f"{node.name} at {node.admin} is not {kind}", code=Exit.DEGRADED)
        click.echo(f"{node.name} {kind}")


@click.command()
@_data
def env(data: str | None) -> None:
    """Print what a client needs, as lines for a shell: eval "$(mys3d env)"."""
    directory = data_directory(data)
    credentials = _credentials(directory)
    node = running_nodes(directory)[0]
    scheme = "http" if config_of({"data": str(directory)}).certificate is None else "https"
    values = {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_ENDPOINT_URL": f"{scheme}://{node.s3}",
        "AWS_DEFAULT_REGION": credentials.region,
    }
    for name, value in values.items():
        click.echo(f"export {name}={shlex.quote(value)}")


def _credentials(directory: Path) -> Credentials:
    """The generated key of this directory, else the key that the configuration gives."""
    try:
        found = read_credentials(directory / "credentials")
    except ValueError as error:
        raise Failure(str(error)) from error
    if found is not None:
        return found
    config = config_of({"data": str(directory)})
    if config.access_key is not None and config.secret_key is not None:
        return Credentials(config.access_key, config.secret_key, config.region)
    message = f"{directory / 'credentials'} does not exist: the key was made on another node, or set by you"
    raise Failure(message, "run it on the first node, or set S3_ACCESSKEY and S3_SECRETKEY", Exit.NOT_FOUND)


@click.command()
@_data
@click.argument("changes", nargs=-1, metavar="[NAME=VALUE]...")
def settings(data: str | None, changes: tuple[str, ...]) -> None:
    """Show or change the settings of the whole cluster: write_quorum=all straggler_ms=250."""
    asked: dict[str, object] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise Failure(f"a change is NAME=VALUE, found {change}", "mys3d help settings", Exit.USAGE)
        asked[name] = int(value) if value.isdecimal() else value
    for name, value in admin_client.ask_any(data_directory(data), "POST", "/settings", asked).items():
        click.echo(f"{name}={value}")


@click.command()
@_data
@click.option("--force", count=True, help="Give it twice to remove a node that answers, or one of the last three.")
@click.argument("node", metavar="NODE")
def remove(data: str | None, force: int, node: str) -> None:
    """Remove a node that will not come back.

    NODE is its name or id. It loses its vote, its partitions and its certificate.
    """
    asked: dict[str, object] = {"node": node, "force": force}
    found = admin_client.ask_any(data_directory(data), "POST", "/remove", asked)
    click.echo(f"{found['name']} ({found['node']}) leaves; it is gone when mys3d status does not show it any more")


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"mys3d {__version__} (Python {'.'.join(map(str, sys.version_info[:3]))})")


@click.command("help")
@click.argument("words", nargs=-1)
@click.pass_context
def help_command(context: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a command."""
    assert context.parent is not None
    parent, command = context.parent, context.parent.command
    for word in words:
        found = command.get_command(parent, word) if isinstance(command, click.Group) else None
        if found is None:
            raise Failure(f"there is no command {' '.join(words)}", "mys3d help", Exit.USAGE)
        parent, command = click.Context(found, info_name=word, parent=parent), found
    click.echo(command.get_help(parent))
