"""The list of commands, each imported only when it is typed.        Floor: top. Called by: main.

Law: `mys3d --help` stays quick, so nothing here imports a room of the server.
"""

import errno
import importlib
from typing import Any, Final

import click

from mys3d import __version__
from mys3d.cli.failure import failure_of

# name -> (module, attribute, line of help): help is repeated here so that listing commands imports none of them.
COMMANDS: Final = {
    "dev": ("mys3d.cli.dev_commands", "dev", "Run a whole cluster on this machine, to try it and to break it."),
    "start": ("mys3d.cli.node_commands", "start", "Run one node. One node is already a cluster."),
    "token": ("mys3d.cli.cluster_commands", "token", "Print a join token: one line, used once, valid for one hour."),
    "join": ("mys3d.cli.node_commands", "join", "Join this machine to a cluster and run its node."),
    "status": ("mys3d.cli.cluster_commands", "status", "Show the nodes, the copies, and what can be lost now."),
    "doctor": ("mys3d.cli.doctor", "doctor", "Look for damage, and compare the registries of all nodes."),
    "health": ("mys3d.cli.cluster_commands", "health", "Ask the node of this machine whether it serves."),
    "env": ("mys3d.cli.cluster_commands", "env", "Print what a client needs, as lines for a shell."),
    "config": ("mys3d.cli.config_commands", "config", "Look at the configuration."),
    "scrub": ("mys3d.cli.scrub_commands", "scrub", "Read every blob again, and replace what has rotted."),
    "settings": ("mys3d.cli.cluster_commands", "settings", "Show or change the settings of the whole cluster."),
    "user": ("mys3d.cli.user_commands", "user", "Create, list and delete users."),
    "key": ("mys3d.cli.user_commands", "key", "Create, list and delete the access keys of users."),
    "bench": ("mys3d.cli.bench_commands", "bench", "Measure this cluster, and other S3 stores beside it."),
    "remove": ("mys3d.cli.cluster_commands", "remove", "Remove a node that will not come back."),
    "version": ("mys3d.cli.cluster_commands", "version", "Print the version."),
    "help": ("mys3d.cli.cluster_commands", "help_command", "Show the help of a command."),
}


class LazyGroup(click.Group):
    """A group whose commands live in modules that are not imported until they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. What the operating system refuses is told in one sentence, with the path it was about."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            failure = failure_of(error)
            if failure is None or error.errno == errno.EPIPE:  # a reader such as `head` went away: click ends quietly
                raise
            raise failure from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, _, words) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 ok, 1 failed, 2 usage, 3 configuration, 4 unreachable, 5 denied, 6 not found, 7 refused, "
    "8 degraded, 9 timeout, 130 interrupted.",
)
@click.version_option(__version__, "-V", "--version", prog_name="mys3d", message="%(prog)s %(version)s")
def root() -> None:
    """mys3d: a self-hosted, distributed, S3-compatible object store."""
