"""Where configuration is read from.        Floor: config. Called by: cli.

Law: this is the only place of the room that touches the machine; everything behind it is a function of `Sources`.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mys3d.config.record import Problem

TOML_NAME: Final = "cluster.toml"
DOTENV_NAME: Final = ".env"


@dataclass(frozen=True, slots=True)
class Sources:
    """All text that may configure a node, as found. Empty text: there was no such file."""

    environ: Mapping[str, str]
    dotenv: str = ""
    toml: str = ""
    toml_name: str = TOML_NAME
    directory: Path = Path("/")  # what relative paths start from
    host_name: str = "localhost"
    host_address: str = "127.0.0.1"
    problems: tuple[Problem, ...] = ()


def read_sources(config: str | None = None, directory: Path | None = None) -> Sources:
    """Read the environment, `.env` and cluster.toml. `config` names another file than ./cluster.toml."""
    here = directory or Path.cwd()
    wanted = config or os.environ.get("MYS3D_CONFIG")
    problems: list[Problem] = []
    toml = _read(here / (wanted or TOML_NAME), problems, is_needed=wanted is not None)
    dotenv = _read(here / DOTENV_NAME, problems, is_needed=False)
    return Sources(
        environ=dict(os.environ),
        dotenv=dotenv,
        toml=toml,
        toml_name=wanted or TOML_NAME,
        directory=here,
        host_name=socket.gethostname(),
        host_address=outward_address(),
        problems=tuple(problems),
    )


def _read(path: Path, problems: list[Problem], *, is_needed: bool) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        if is_needed:
            problems.append(Problem(str(path), "there is no such file"))
    except OSError as error:
        problems.append(Problem(str(path), f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        problems.append(Problem(str(path), f"is not UTF-8 text: byte {error.start} does not belong"))
    return ""


def outward_address() -> str:
    """This machine's address on the way out. Nothing is sent: connecting a datagram socket only picks the route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # 192.0.2.0/24 is reserved for documentation: RFC 5737
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
