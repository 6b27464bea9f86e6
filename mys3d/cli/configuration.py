"""From the words of a command line to a `NodeConfig`.        Floor: top. Called by: the commands that need one."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mys3d.cli.failure import Exit, Failure
from mys3d.config import ConfigurationInvalid, NodeConfig, load_config, read_sources
from mys3d.model.names import parse_bucket_name

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    ("--data", "DIR", "Where everything of this node is kept [MYS3D_DATA, ./mys3d-data]."),
    ("--config", "FILE", "Read this file [MYS3D_CONFIG, ./cluster.toml when it exists]."),
    ("--port", "PORT", "S3 port; admin and peers take the next two [S3_PORT, 9000]."),
    ("--bind", "HOST", "Address to listen on [0.0.0.0]."),
    ("--advertise", "HOST", "Address that other nodes connect to [this machine's]."),
    ("--zone", "ZONE", "Copies go to different zones first [default]."),
    ("--name", "NAME", "Name of this node [the host name]."),
    ("--capacity", "SIZE", "What this node may hold, as 2TB or 500GiB [the file system]."),
    ("--bucket", "NAME", "Create this bucket at start [S3_BUCKET]."),
    ("--region", "REGION", "Region that signatures name [us-east-1]."),
    ("--endpoint", "URL", "Public S3 address [S3_ENDPOINT]."),
    ("--registry", "DIR", "Where the registry is kept [DB_BOLT_PATH, registry/ in DIR]."),
    ("--blobs", "DIRS", "Where blobs are kept: one directory or more, with commas [blobs/ in DIR]."),
    ("--log-level", "LEVEL", "debug, info, warning or error [info]."),
)


def node_options(command: Command) -> Command:
    """Options of a node. All are text: the configuration judges them together and names every problem at once."""
    for flag, metavar, words in reversed(_OPTIONS):
        command = click.option(flag, metavar=metavar, help=words)(command)
    return command


def config_of(flags: dict[str, Any]) -> NodeConfig:
    """Return the configuration, or end the command with every problem."""
    sources = read_sources(flags.get("config"))
    settings = {name: value for name, value in flags.items() if name != "config"}
    try:
        return load_config(settings, sources, parse_bucket_name)
    except ConfigurationInvalid as error:
        raise Failure(
            f"the configuration has problems\n{error}", "every name: docs/operations.md", Exit.CONFIG
        ) from error


def data_directory(flag: str | None) -> Path:
    """Which directory a command is about: the flag, MYS3D_DATA, then what the configuration of this place says."""
    named = flag or os.environ.get("MYS3D_DATA")
    return Path(named).expanduser().absolute() if named else config_of({}).data
