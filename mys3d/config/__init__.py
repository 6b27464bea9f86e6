"""What an operator decides about one node.        Floor: config. Called by: node, cli.

Law: text from outside becomes one frozen record here, or every problem it has is named at once; nothing starts
half configured. Precedence: flag > MYS3D_* > the ancestor's names > cluster.toml > default.
"""

from mys3d.config.credentials import Credentials, generate_credentials, read_credentials, write_credentials
from mys3d.config.load import load_config
from mys3d.config.record import Address, BlobsFolder, ConfigurationInvalid, NodeConfig, Problem
from mys3d.config.sources import Sources, read_sources

__all__ = [
    "Address",
    "BlobsFolder",
    "ConfigurationInvalid",
    "Credentials",
    "NodeConfig",
    "Problem",
    "Sources",
    "generate_credentials",
    "load_config",
    "read_credentials",
    "read_sources",
    "write_credentials",
]
