"""The files of a blob directory, looked at and not touched.        Floor: blobs (driver). Called by: node (doctor).

Law: every row of the index is held against the record it names, and the record's data against the digest; a record that
has no row yet is no fault, since the next start reads it again.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from mys3d.blobs import record, volume
from mys3d.blobs.index import QUARANTINED, IndexLost, Place, rows_of
from mys3d.blobs.record import VolumeHeader
from mys3d.model.digest import Digest, digest_of

_Open = dict[int, tuple[int, VolumeHeader]]  # volume -> its file and header


def examine(folder: Path, cluster_id: bytes) -> Iterator[str]:
    """Yield a sentence for everything that is not as it should be. Reads every blob of a directory that nobody uses."""
    with ExitStack() as opened:
        volumes: _Open = {}
        for path in volume.list_volumes(folder):
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            opened.callback(os.close, file)
            try:
                header = record.parse_volume_header(os.pread(file, record.RECORDS_START, 0))
            except record.Malformed as error:
                yield f"{path}: {error}"
                continue
            if header.cluster_id != cluster_id:
                yield f"{path}: belongs to cluster {header.cluster_id.hex()}"
            volumes[header.number] = (file, header)
        try:
            for digest, place in rows_of(folder / "index"):
                fault = _fault_of(volumes, digest, place)
                if fault:
                    yield f"blob {digest.hex()} in {folder}: {fault}"
        except IndexLost as error:
            yield f"{error}; the next start builds it anew from the volumes"


def _fault_of(volumes: _Open, digest: Digest, place: Place) -> str:
    """What is wrong with the record of a row; empty: nothing."""
    if place.flags & QUARANTINED:
        return "is quarantined: it was found damaged, and another node has to give it back"
    if place.volume not in volumes:
        return f"its volume {place.volume} is not there, or not readable"
    file, header = volumes[place.volume]
    try:
        head = os.pread(file, record.HEADER_BYTES_MAX, place.offset)
        found = record.parse_header(head, place.offset, header.record_key)
        data = os.pread(file, found.length, place.offset + record.header_bytes(found.length))
    except (record.Malformed, OSError) as error:
        return f"its record at {place.offset} of volume {place.volume} cannot be read: {error}"
    if (found.digest, found.length) != (digest, place.length):
        return f"its record at {place.offset} of volume {place.volume} is another one"
    return "" if digest_of(data) == digest else f"its bytes at {place.offset} of volume {place.volume} are damaged"
