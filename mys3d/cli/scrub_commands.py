"""`mys3d scrub`: have every blob read again, and see what was found.        Floor: top. Called by: root."""

import json
import time

import click

from mys3d.cli import admin_client
from mys3d.cli.configuration import data_directory
from mys3d.cli.failure import Exit
from mys3d.cli.scrub_text import sentence


@click.command()
@click.argument("action", type=click.Choice(["start", "status", "pause", "resume"]), default="status")
@click.option("--node", metavar="NAME", help="Of this node only [every node].")
@click.option("--data", metavar="DIR", help="The node's directory [MYS3D_DATA, ./mys3d-data].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def scrub(context: click.Context, action: str, node: str | None, data: str | None, as_json: bool) -> None:
    """Read every blob again, and replace what has rotted.

    A round begins by itself every 14 days, slowly; START begins one at once, and fast. PAUSE ends after a day.
    Exit code 8: a node did not answer, or a damaged copy is not replaced yet.
    """
    answers = admin_client.ask_any(data_directory(data), "POST", "/scrub", {"action": action, "node": node})
    if as_json:
        click.echo(json.dumps({"nodes": answers}))
    else:
        for answer in answers:
            report = answer["report"]
            told = f"did not answer: {answer['error']}" if report is None else sentence(report, time.time())
            click.echo(f"{answer['name']}  {told}")
    is_well = all(answer["report"] is not None and answer["report"]["open_count"] == 0 for answer in answers)
    context.exit(Exit.OK if is_well else Exit.DEGRADED)
