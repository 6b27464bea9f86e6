"""The incarnation of a node: the name of its journal.        Floor: composition root. Called by: life.

`journal/incarnation` names the journal, `identity` the one that this node votes with. Law: they are equal, or the node
votes in neither name: its journal is put aside and it begins another under a new name, which the others have to accept
by a promotion. The new name is on disk before the old journal is moved, so no journal is ever used under two names.
The newest journals that were put aside are kept. A node that alone has the vote is not begun anew: nobody else knows
what it promised."""

import shutil
from pathlib import Path
from typing import Final

import msgspec
import structlog

from mys3d import limits
from mys3d.consensus.disk import BASE, FileDisk
from mys3d.consensus.identity import JournalForgot, Life
from mys3d.errors import Unavailable
from mys3d.model.digest import digest_of
from mys3d.node import founding
from mys3d.peers.identity import Identity, sync_folder, write_aside
from mys3d.ports import Entropy
from mys3d.registry import queries
from mys3d.registry.transaction import Reader

FORMAT: Final = 1
INCARNATION_NAME: Final = "incarnation"
ASIDE_PREFIX: Final = "journal.lost-"
_NAMED: Final = b"the journal has a name\n"  # what `begun` says since journals have one

log = structlog.get_logger("mys3d.node")


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    incarnation: str
    reborn: bool


def life_of(data: Path, identity: Identity) -> Life:
    """In which incarnation this node may use its journal. Raises JournalForgot: in none that it voted in."""
    journal, begun = data / founding.JOURNAL_NAME, data / founding.BEGUN_NAME
    has_begun, has_log = begun.exists(), any(journal.glob("*.log"))
    if has_begun and not has_log:
        raise JournalForgot(f"{journal} is empty, but this node has kept its log there")
    stored = _read(journal / INCARNATION_NAME)
    if stored is None and has_begun and begun.read_bytes() == _NAMED:
        raise JournalForgot(f"{journal} does not say whose it is")
    if stored is None:  # a first start, or a journal of a release whose journals had no name
        stored = _Stored(FORMAT, identity.incarnation.hex(), reborn=False)
        _write(journal, stored)
    if stored.incarnation != identity.incarnation.hex():
        raise JournalForgot(f"{journal} is of an earlier life of this node")
    return Life(identity.incarnation, stored.reborn)


def remember_log(data: Path) -> None:
    """Note durably that this node keeps a log from now on, and that it has a name."""
    path = data / founding.BEGUN_NAME
    if not path.exists() or path.read_bytes() != _NAMED:
        write_aside(path, _NAMED)


def begin_anew(data: Path, identity: Identity, rows: Reader, entropy: Entropy, why: str) -> tuple[Identity, Life]:
    """Put the journal aside and begin one behind the applied rows, in a new incarnation.

    Raises Unavailable, with nothing changed, when no other node has the vote.
    """
    if founding.is_founder(identity) or queries.voters(rows) == (identity.node,):
        advice = f"put {data / founding.JOURNAL_NAME} back from a copy, or move {data} away and begin anew"
        raise Unavailable(f"{why}; no other node has the vote, so nobody knows what is missing: {advice}")
    reborn = identity.with_incarnation(entropy.token(len(identity.incarnation)))
    put_aside(data)
    life = Life(reborn.incarnation, is_reborn=True)
    _write(data / founding.JOURNAL_NAME, _Stored(FORMAT, reborn.incarnation.hex(), reborn=True))
    index, term = queries.applied(rows)
    base = (index, term) if index > BASE[1] else BASE[1:]
    disk = FileDisk(data / founding.JOURNAL_NAME, identity.cluster_id, base=base)
    disk.load()
    disk.close()
    log.error("this node comes back as a learner, in a new incarnation", node=identity.node, why=why, behind=index)
    return reborn, life


def put_aside(data: Path) -> None:
    """Move the journal to a place of its own, if there is one; the newest few are kept."""
    journal = data / founding.JOURNAL_NAME
    kept = aside(data)
    if journal.exists():
        number = 1 + max((int(place.name.removeprefix(ASIDE_PREFIX)) for place in kept), default=0)
        journal.rename(data / f"{ASIDE_PREFIX}{number}")
        sync_folder(data)
    for old in aside(data)[: -limits.quarantined_journals_max]:
        shutil.rmtree(old)


def aside(data: Path) -> list[Path]:
    """The journals that were put aside, oldest first."""
    found = [place for place in data.glob(f"{ASIDE_PREFIX}*") if place.name.removeprefix(ASIDE_PREFIX).isdigit()]
    return sorted(found, key=lambda place: int(place.name.removeprefix(ASIDE_PREFIX)))


def _read(path: Path) -> _Stored | None:
    """None: not there, or not whole. Files of earlier releases have no digest behind the note.

    Raises Unavailable for a whole one of a later release.
    """
    try:
        note, _, told = path.read_bytes().partition(b"\n")
        stored = msgspec.json.decode(note, type=_Stored)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    if told and told != _digest_line(note):
        return None
    if stored.format == FORMAT:
        return stored
    if not told:
        return None
    raise Unavailable(f"{path} has format {stored.format}, this version of mys3d reads format {FORMAT}")


def _digest_line(note: bytes) -> bytes:
    return digest_of(note).hex().encode() + b"\n"


def _write(journal: Path, stored: _Stored) -> None:
    journal.mkdir(mode=0o700, parents=True, exist_ok=True)
    sync_folder(journal.parent)
    note = msgspec.json.encode(stored)
    write_aside(journal / INCARNATION_NAME, note + b"\n" + _digest_line(note))
