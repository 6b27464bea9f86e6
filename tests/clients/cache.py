"""Clients are installed beside the tree, once: $MYS3D_CLIENTS, or ~/.cache/mys3d-clients."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("MYS3D_CLIENTS", Path.home() / ".cache" / "mys3d-clients"))
INSTALL_SECONDS = 900


class NotInstallable(Exception):
    """The client cannot be had on this machine; the text says why."""


def python_with(*requirements: str) -> Path:
    """The interpreter of an environment that has `requirements`, each with its version."""
    home = CACHE / "-".join([requirement.replace("==", "-") for requirement in requirements])
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(home))
        _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements)
        (home / "ready").touch()
    return python


def node_with(*packages: str) -> Path:
    """A folder whose node_modules have `packages`."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise NotInstallable("there is no node and npm")
    home = CACHE / "-".join([package.strip("@").replace("/", "-").replace("@", "-") for package in packages])
    if not (home / "ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        _run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home), *packages)
        (home / "ready").touch()
    return home


def debian(package: str) -> Path:
    """The program of that name: the machine's own, or the one of the Debian package, unpacked and not installed."""
    found = shutil.which(package)
    if found is not None:
        return Path(found)
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NotInstallable(f"there is no {package}, and no apt-get to fetch it with")
    home = CACHE / f"debian-{package}"
    if not (home / "ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        _run("apt-get", "download", "-qq", package, folder=home)
        (archive,) = home.glob("*.deb")
        _run("dpkg-deb", "-x", str(archive), str(home / "root"))
        (home / "ready").touch()
    return home / "root" / "usr" / "bin" / package


def _run(*words: str, folder: Path | None = None) -> None:
    """Raises NotInstallable with the last lines of what an installer said."""
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstallable(f"{words[0]}: {error}") from error
    if done.returncode != 0:
        told = (done.stdout + done.stderr).strip().splitlines()[-3:]
        raise NotInstallable(f"{' '.join(words[:3])}: {' / '.join(told)}")
