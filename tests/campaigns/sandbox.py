"""A network and a mount namespace of our own.        Floor: tests. Called by: conftest, disks, network.

Law: whatever a campaign mounts, loops or links lives in here, so the kernel removes it when the last process of the
campaign ends, however it ends. Disk images lie in a RAM disk of the same mount namespace.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
TOOLS = ("ip", "iptables", "tc", "mount", "umount", "mkfs.ext4", "setpriv")
PACKAGES = "apt-get install iproute2 iptables e2fsprogs util-linux"


class NotHere(Exception):
    """This machine or this user cannot run the campaign. The text is the reason to skip."""


def run(*words: str) -> str:
    """Run a system tool. Raises AssertionError with what it said."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr.strip()}"
    return done.stdout


@contextmanager
def sandbox(folder: Path) -> Iterator[Path]:
    """Move this thread, and all it starts, into new namespaces; yield a folder on a RAM disk. Raises NotHere.

    Call it before any other thread exists that should be inside.
    """
    if os.geteuid() != 0:
        raise NotHere("needs root: network namespaces, loop devices and their mounts")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise NotHere(f"needs {', '.join(missing)}: {PACKAGES}")
    libc = ctypes.CDLL(None, use_errno=True)
    outside = [os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY) for kind in ("net", "mnt")]
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise NotHere(f"namespaces cannot be made here: {os.strerror(ctypes.get_errno())}")
    here = Path.cwd()
    try:
        run("mount", "--make-rprivate", "/")
        run("mount", "-t", "tmpfs", "none", str(_made("/run/netns")))
        run("mount", "-t", "tmpfs", "-o", "size=12g", "none", str(_made(str(folder))))
        run("ip", "link", "set", "lo", "up")
        yield folder
    finally:
        for descriptor in outside:
            assert libc.setns(descriptor, 0) == 0, os.strerror(ctypes.get_errno())
            os.close(descriptor)
        os.chdir(here)


def _made(path: str) -> Path:
    Path(path).mkdir(parents=True, exist_ok=True)
    return Path(path)
