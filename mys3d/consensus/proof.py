"""Is the Raft engine the one that was proved?        Floor: driver. Called by: consensus.

Law: we override PySyncObj's private methods by their mangled names, so any other source than the audited one could
silently stop calling our safety fixes. The node refuses to start instead.
"""

import hashlib
from pathlib import Path
from typing import Final

import pysyncobj.syncobj
import pysyncobj.version

VERSION: Final = "0.3.17"
SHA256: Final = "e8bdf06797085d734df86e24ab4802fe87893dff77268565ec036f7ad4a1cfe4"  # syncobj.py of the 0.3.17 release


class UnprovedEngine(Exception):
    """The installed PySyncObj is not the audited one. Install the pinned release; nothing was changed on disk."""


def prove(source: Path | None = None, version: str | None = None) -> None:
    """Return when PySyncObj is exactly the proved release. Raises UnprovedEngine."""
    version = str(pysyncobj.version.VERSION) if version is None else version
    source = Path(str(pysyncobj.syncobj.__file__)) if source is None else source
    if version != VERSION:
        raise UnprovedEngine(f"pysyncobj: expected version {VERSION}, found {version}")
    found = hashlib.sha256(source.read_bytes()).hexdigest()
    if found != SHA256:
        raise UnprovedEngine(f"pysyncobj: expected {source} with sha256 {SHA256}, found {found}")
