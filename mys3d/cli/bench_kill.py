"""`mys3d bench kill-node`: kill a node under load, prove that nothing is lost.        Floor: top.

Called by: bench_commands. Law: it kills only nodes of `mys3d dev` on this machine, by the supervisor's own command.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from mys3d.bench import charts, kill_report
from mys3d.bench.kill_node import Plan, kill_node
from mys3d.bench.prepare import clean, make_bucket
from mys3d.bench.target import Target
from mys3d.cli import admin_client
from mys3d.cli.bench_servers import fresh_cluster
from mys3d.cli.bench_targets import of_directory
from mys3d.cli.bench_words import SECONDS, SIZE, Parsed, parse_concurrency
from mys3d.cli.dev_control import ask_supervisor
from mys3d.cli.dev_supervisor import is_settled
from mys3d.cli.failure import Exit, Failure, as_failures
from mys3d.errors import Unavailable

START_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 0.5
NODES_MIN: Final = 3  # of fewer the writes stop when one is killed


@dataclass(frozen=True, slots=True)
class DevControl:
    """A running `mys3d dev`, told by its own commands."""

    data: Path
    nodes_count: int

    def leader(self) -> str:
        return self._role("leader")[0]

    def followers(self) -> list[str]:
        return self._role("follower")

    def kill(self, name: str) -> None:
        try:
            ask_supervisor(self.data, "kill", name)
        except Failure as failure:
            raise Unavailable(failure.message) from failure

    def start(self, name: str) -> None:
        """A busy machine may need longer than the supervisor is listened to: then the cluster is asked."""
        try:
            ask_supervisor(self.data, "start", name)
        except Failure as failure:
            if failure.code != Exit.UNREACHABLE:
                raise Unavailable(failure.message) from failure
            self._wait_for(name)

    def _wait_for(self, name: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_reachable(name):
            if time.monotonic() > deadline:
                raise Unavailable(f"{name} did not serve within {START_SECONDS:g} s more")
            time.sleep(_POLL_SECONDS)

    def _is_reachable(self, name: str) -> bool:
        try:
            return any(node["name"] == name and node["reachable"] for node in self._status()["nodes"])
        except Unavailable:
            return False

    def is_healed(self) -> bool:
        try:
            return is_settled(self._status(), self.nodes_count)
        except Unavailable:
            return False

    def _role(self, role: str) -> list[str]:
        names = [str(node["name"]) for node in self._status()["nodes"] if node["role"] == role]
        if not names:
            raise Unavailable(f"the cluster has no {role}")
        return names

    def _status(self) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = admin_client.ask_any(self.data, "GET", "/status")
        except Failure as failure:
            raise Unavailable(failure.message) from failure
        return answer


@click.command("kill-node")
@click.option(
    "--data", type=click.Path(path_type=Path), help="A running `mys3d dev` [a fresh cluster, removed afterwards]."
)
@click.option("--nodes", type=click.IntRange(NODES_MIN, 9), default=3, show_default=True, help="Of the fresh cluster.")
@click.option("--victim", default="leader", show_default=True, help="leader, follower, or the name of a node.")
@click.option("--calm", type=SECONDS, default="10s", show_default=True, help="Before the kill.")
@click.option("--down", type=SECONDS, default="20s", show_default=True, help="Until the node is started again.")
@click.option("--after", type=SECONDS, default="10s", show_default=True, help="Of load once all copies are back.")
@click.option("--size", type=SIZE, default="4K", show_default=True, help="Of objects.")
@click.option("--concurrency", type=Parsed("number", parse_concurrency), default="16", show_default=True)
@click.option("--bucket", default="bench", show_default=True, help="Created when it is not there.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="result.json, table.md, chart, report.html."
)
@click.option("--keep", is_flag=True, help="Do not delete what the bench wrote.")
@click.pass_context
def kill_node_command(
    context: click.Context, /, data: Path | None, nodes: int, bucket: str, out: Path | None, keep: bool, **words: Any
) -> None:
    """Kill a node under load, let it come back, and read everything back through every node.

    Half of the load are uploads, half downloads of what was acknowledged; connections of the killed node go to the
    next one, as with a load balancer. Exit code 1 when anything that was acknowledged is lost or wrong.
    """
    plan, tell = Plan(**words), partial(click.echo, err=True)
    started_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with as_failures(Unavailable), _cluster(data, nodes) as where:
        target = of_directory("mys3d", where, bucket)
        control = DevControl(where, len(target.endpoints))
        _refuse(target, plan)
        make_bucket(target)
        outcome = kill_node(target, list(target.pids), control, plan, tell)
        if data is not None and not keep:
            clean([target], tell)
    click.echo(kill_report.as_markdown(outcome))
    if out is not None:
        for path in kill_report.write(outcome, asdict(plan), started_at, out):
            click.echo(f"wrote {path}", err=True)
        if not charts.has_matplotlib():
            click.echo("no chart: it needs matplotlib, pip install 'mys3d[bench]'", err=True)
    context.exit(Exit.OK if outcome.is_sound else Exit.FAILED)


@contextmanager
def _cluster(data: Path | None, nodes: int) -> Iterator[Path]:
    if data is not None:
        yield data
        return
    with fresh_cluster(nodes) as cluster:
        yield cluster.data


def _refuse(target: Target, plan: Plan) -> None:
    """Refuse a cluster that cannot lose a node, and a victim that is not there."""
    names = list(target.pids)
    if len(names) < NODES_MIN:
        message = f"{len(names)} nodes run here: {NODES_MIN} are needed so that writes go on without one"
        raise Failure(message, "start more: mys3d dev --nodes 3", Exit.REFUSED)
    if plan.victim not in ("leader", "follower", *names):
        raise Failure(f"there is no node {plan.victim}", f"leader, follower, {', '.join(names)}", Exit.NOT_FOUND)
