"""The file that holds the first access key of a cluster.        Floor: config. Called by: node, cli.

Law: the file is 0600 from its first byte, appears whole or not at all, and is what aws cli reads: anybody can use it by
AWS_SHARED_CREDENTIALS_FILE.
"""

import base64
import configparser
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CREDENTIALS_NAME: Final = "credentials"
_SECTION: Final = "default"


@dataclass(frozen=True, slots=True)
class Credentials:
    """One access key, its secret, and the region that signatures name."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"


def generate_credentials(region: str, entropy: Callable[[int], bytes] = secrets.token_bytes) -> Credentials:
    """An access key of 20 characters, a secret of 40: as long as those of AWS, and none needs quoting in a shell."""
    access_key = "MY" + base64.b32encode(entropy(12)).decode().rstrip("=")[:18]
    secret_key = base64.b32encode(entropy(25)).decode().lower()
    return Credentials(access_key, secret_key, region)


def read_credentials(path: Path) -> Credentials | None:
    """Return what `write_credentials` wrote; None: there is no such file. Raises ValueError when it is another file."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
        section = parser[_SECTION]
        return Credentials(
            section["aws_access_key_id"], section["aws_secret_access_key"], section.get("region", "us-east-1")
        )
    except FileNotFoundError:
        return None
    except (configparser.Error, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a credentials file: {error}") from error


def write_credentials(path: Path, credentials: Credentials) -> None:
    text = (
        f"[{_SECTION}]\n"
        f"aws_access_key_id = {credentials.access_key}\n"
        f"aws_secret_access_key = {credentials.secret_key}\n"
        f"region = {credentials.region}\n"
    )
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
