"""`config check`: judge a configuration without starting anything.        Floor: top. Called by: root."""

from typing import Any

import click

from mys3d.cli.configuration import config_of, node_options


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command()
@node_options
def check(**flags: Any) -> None:
    """Read every source as `start` would; name all problems, or show what a node would use. Nothing is started."""
    found = config_of(flags)
    shown = {
        "data": found.data,
        "registry": found.registry_path,
        "blobs": ", ".join(str(folder) for folder in found.blobs),
        "name": found.name,
        "zone": found.zone,
        "capacity": found.capacity_bytes or "the size of the file system",
        "s3": f"{found.s3_bind} as {found.endpoint}",
        "admin": found.admin_bind,
        "peers": f"{found.peers_bind} as {found.advertise_host}:{found.peers_bind.port}",
        "bulk": found.peers_bulk,
        "access key": found.access_key or "generated at the first start",
        "bucket": found.bucket or "none",
        "region": found.region,
        "log entries kept": found.log_keep_entries,
        "log level": found.log_level,
    }
    for name, value in shown.items():
        click.echo(f"{name:<11}{value}")
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
