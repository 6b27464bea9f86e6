"""Every setting, once.        Floor: config (pure). Called by: load.py, the command line, tests of the example file.

Law: a name an operator may write appears in this table and nowhere else; the example file is checked against it.
"""

from dataclasses import dataclass
from typing import Final

from mys3d.config import values


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: where it may be written, how it is read, and what is said when it cannot be."""

    name: str  # of the flag, with hyphens for underscores
    path: str  # table and key in cluster.toml
    read: values.Reader
    expected: str  # completes "must be ..."
    default: str  # as told to an operator
    ancestor: str = ""  # the name that the ancestor project gave it
    is_secret: bool = False

    @property
    def variable(self) -> str:
        return f"MYS3D_{self.name.upper()}"

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"


_NAMES: Final = "1 to 63 letters, digits, dots, hyphens or underscores"
_HOSTS: Final = 'a host name or an address such as "10.0.0.1"'
_DOMAINS: Final = 'host names such as "s3.example.org", no name twice'
_PORTS: Final = "a whole number from 1 to 65535"

SETTINGS: Final = (
    Setting("data", "node.data", values.read_path, "a path", "./mys3d-data"),
    Setting("registry", "node.registry", values.read_path, "a path", "registry/ in the data directory", "DB_BOLT_PATH"),
    Setting(
        "blobs",
        "node.blobs",
        values.read_blobs,
        'paths such as "/mnt/a" or "/mnt/a=2TB", no path twice',
        "blobs/ in the data directory",
    ),
    Setting("name", "node.name", values.read_name, _NAMES, "the host name"),
    Setting("zone", "node.zone", values.read_name, _NAMES, "default"),
    Setting(
        "capacity",
        "node.capacity",
        values.read_size,
        'a size such as "2TB" or "500GiB"',
        "the size of the file system",
    ),
    Setting("bind", "node.bind", values.read_host, _HOSTS, "0.0.0.0"),
    Setting("advertise", "node.advertise", values.read_host, _HOSTS, "this machine's address"),
    Setting("port", "s3.port", values.read_first_port, "a whole number from 1 to 65533", "9000", "S3_PORT"),
    Setting(
        "endpoint",
        "s3.endpoint",
        values.read_endpoint,
        'a URL such as "http://s3.example.org:9000"',
        "http://ADVERTISE:PORT",
        "S3_ENDPOINT",
    ),
    Setting(
        "access_key",
        "s3.access_key",
        values.read_access_key,
        "3 to 128 characters without blanks, slashes or commas",
        "generated at the first start",
        "S3_ACCESSKEY",
    ),
    Setting(
        "secret_key",
        "s3.secret_key",
        values.read_secret_key,
        "8 to 128 visible ASCII characters",
        "generated at the first start",
        "S3_SECRETKEY",
        is_secret=True,
    ),
    Setting("bucket", "s3.bucket", values.read_text, "a bucket name", "no bucket is created", "S3_BUCKET"),
    Setting("region", "s3.region", values.read_region, 'a region such as "us-east-1"', "us-east-1"),
    Setting("domain", "s3.domain", values.read_domains, _DOMAINS, "addresses in path style alone"),
    Setting("certificate", "s3.certificate", values.read_path, "a path", "S3 is plain HTTP"),
    Setting("certificate_key", "s3.certificate_key", values.read_path, "a path", "S3 is plain HTTP"),
    Setting("admin_bind", "admin.bind", values.read_host, _HOSTS, "the same as node.bind"),
    Setting("admin_port", "admin.port", values.read_port, _PORTS, "s3.port + 1"),
    Setting("peers_port", "peers.port", values.read_port, _PORTS, "s3.port + 2"),
    Setting("peers_bulk", "peers.bulk", values.read_bulk, "tls or plain", "tls"),
    Setting("write_quorum", "cluster.write_quorum", values.read_write_quorum, "majority or all", "majority"),
    Setting("straggler_ms", "cluster.straggler_ms", values.read_straggler, "1 to 10000 milliseconds", "250"),
    Setting("gc_period_ms", "cluster.gc_period_ms", values.read_gc_period, "100 to 86400000 milliseconds", "600000"),
    Setting("dead_after_ms", "cluster.dead_after_ms", values.read_dead_after, "500 to 86400000 milliseconds", "60000"),
    Setting(
        "log_keep_entries",
        "registry.log_keep_entries",
        values.read_log_entries,
        "a whole number from 0 to 25000",
        "20000",
    ),
    Setting("log_level", "log.level", values.read_log_level, "debug, info, warning or error", "info"),
)

TABLES: Final = tuple(dict.fromkeys(setting.path.split(".")[0] for setting in SETTINGS))
BY_PATH: Final = {setting.path: setting for setting in SETTINGS}
BY_VARIABLE: Final = {setting.variable: setting for setting in SETTINGS}
BY_ANCESTOR: Final = {setting.ancestor: setting for setting in SETTINGS if setting.ancestor}

# Read by the command line and by the entry point of the image, not by a node.
OTHER_VARIABLES: Final = ("MYS3D_CONFIG", "MYS3D_TOKEN", "MYS3D_TOKEN_FILE")

# What the ancestor's README and its example file put where a value belongs, compared without regard to case, and
# what people commonly write in such places. Text in angle brackets is a placeholder too.
PLACEHOLDERS: Final = frozenset(
    {
        "your-s3-endpoint", "your-s3-accesskey", "your-s3-secretkey", "your-minio-bucket",
        "your_s3_endpoint", "your_s3_accesskey", "your_s3_secretkey", "your_minio_bucket",
        "your-access-key", "your-secret-key", "your-bucket", "your-endpoint",
        "your_access_key", "your_secret_key", "your_bucket", "your_endpoint",
        "youraccesskey", "yoursecretkey", "accesskey", "secretkey", "changeme", "change-me", "xxx", "todo",
    }
)  # fmt: skip


def is_placeholder(text: str) -> bool:
    bare = text.strip().lower()
    return bare in PLACEHOLDERS or (bare.startswith("<") and bare.endswith(">"))
