"""Memory of the servers under load.        Floor: bench. Called by: the scripts in bench/.

Law: what a process holds in RAM comes from the kernel's account of it. Source: proc(5), /proc/PID/status.
"""

import re
from pathlib import Path
from typing import Final

_NOW: Final = "VmRSS"
_MAX: Final = "VmHWM"


def resident_bytes(pid: int) -> int:
    """What a process holds in RAM. Raises ProcessLookupError when it is gone."""
    return _bytes(pid, _NOW)


def resident_bytes_max(pid: int) -> int:
    """The most that it has held so far. Raises ProcessLookupError when it is gone."""
    return _bytes(pid, _MAX)


def _bytes(pid: int, name: str) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise ProcessLookupError(f"process {pid} is not running") from error
    found = re.search(rf"^{name}:\s*(\d+) kB$", text, re.MULTILINE)
    if found is None:
        raise ProcessLookupError(f"process {pid} has ended, and nobody has asked how")
    return int(found[1]) << 10
