"""`node.json`: how the commands of this machine find the running node.        Floor: composition root. Called by: life.

Law: the file is there while the node serves, appears whole or not at all, and holds no secret. It is not synced: a
start that finds one left behind by a power cut, perhaps empty, goes on.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mys3d.model.members import Addresses

NODE_FILE: Final = "node.json"


@contextmanager
def announced(data: Path, name: str, addresses: Addresses) -> Iterator[None]:
    """Keep the file for as long as the block runs."""
    path = data / NODE_FILE
    facts = {
        "name": name,
        "pid": os.getpid(),
        "s3": addresses.s3,
        "admin": addresses.admin,
        "peers": addresses.peers,
    }
    fresh = path.with_name(f"{NODE_FILE}.new")
    fresh.write_text(json.dumps(facts) + "\n", encoding="utf-8")
    fresh.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
