"""`doctor`: what is wrong with a node, and what will happen about it.        Floor: top. Called by: root.

Law: a running node is asked, a stopped one's files are read and not touched. Exit code 1: something is wrong.
"""

from pathlib import Path
from typing import Any

import click

from mys3d.cli import admin_client
from mys3d.cli.configuration import config_of, data_directory
from mys3d.cli.failure import Exit, Failure, as_failures
from mys3d.cli.nodes import IDENTITY_NAME, is_dev_directory, read_node
from mys3d.errors import Unavailable


@click.command()
@click.option("--data", metavar="DIR", help="The node's directory [MYS3D_DATA, ./mys3d-data].")
@click.option("--files", "files_only", is_flag=True, help="Read the files; refused while the node runs.")
@click.pass_context
def doctor(context: click.Context, data: str | None, files_only: bool) -> None:
    """Look for damage, and compare the registries of all nodes. Exit code 1: something is wrong.

    Of a running node it checks the registry and compares it with the others; of a stopped one every file: registry,
    journal, blobs.
    """
    directory = data_directory(data)
    is_running = is_dev_directory(directory) or read_node(directory) is not None
    if files_only and is_running:
        raise Failure(f"a node runs in {directory}", "stop it, or leave --files away", Exit.REFUSED)
    sentences = _asked(directory) if is_running else _read(directory)
    for sentence in sentences:
        click.echo(sentence)
    if not sentences:
        click.echo("nothing is wrong")
    context.exit(Exit.FAILED if sentences else Exit.OK)


def _asked(directory: Path) -> list[str]:
    answer: dict[str, Any] = admin_client.ask_any(directory, "POST", "/doctor", {})
    return list(answer["sentences"])


def _read(directory: Path) -> list[str]:
    if not (directory / IDENTITY_NAME).exists():
        raise Failure(f"{directory} belongs to no node", "name the node's directory: --data DIR", Exit.NOT_FOUND)
    from mys3d.node.doctor import examine

    with as_failures(Unavailable, OSError):
        return list(examine(config_of({"data": str(directory)})))
