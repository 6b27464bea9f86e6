"""The kinds of load by name.        Floor: bench. Called by: run, calibrate, cli.

Law: a name is the same in a report and in the file of a script; a command has - for _.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mys3d.bench.mixed import Mixed
from mys3d.bench.multipart import Multipart
from mys3d.bench.objects import Delete, Get, Head, Listing, Put
from mys3d.bench.small_files import SmallFiles
from mys3d.bench.target import Target
from mys3d.bench.workload import Load, Workload

_KIB: Final = 1 << 10
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of load."""

    make: Callable[[Target, Load], Workload]
    about: str
    sizes: tuple[int, ...] = (4 * _KIB,)  # unless others are asked for; (0,): it has none to choose
    can_be_paced: bool = True  # False: its requests wait for each other


KINDS: Final = {
    "put": Kind(Put, "upload objects", (4 * _KIB, 64 * _KIB, _MIB)),
    "get": Kind(Get, "download objects", (4 * _KIB, 64 * _KIB, _MIB)),
    "head": Kind(Head, "look at objects"),
    "list": Kind(Listing, "list full pages of 1,000 keys", (0,)),
    "delete": Kind(Delete, "delete objects", can_be_paced=False),
    "mixed": Kind(Mixed, "45 % GET, 15 % PUT, 10 % DELETE, 30 % HEAD, as warp does", (64 * _KIB,)),
    "multipart": Kind(Multipart, "upload objects in parts", (16 * _MIB,), can_be_paced=False),
    "small_files": Kind(SmallFiles, "write, walk, read and remove a tree of small files", (0,), can_be_paced=False),
}
