"""Whose journal it is, and what happens when it is nobody's."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mys3d import limits
from mys3d.config import NodeConfig
from mys3d.consensus.disk import FileDisk
from mys3d.consensus.identity import JournalForgot, Life
from mys3d.errors import Unavailable
from mys3d.model.digest import digest_of
from mys3d.model.names import NodeId
from mys3d.node import founding, rebirth
from mys3d.node.world import MachineClock, MachineEntropy
from mys3d.peers import identity as identities
from mys3d.peers.identity import Identity
from mys3d.registry import tables
from mys3d.registry.memory import MemoryRows
from mys3d.registry.transaction import Overlay

OTHER = NodeId("f" * 32)


@pytest.fixture
def identity(config_of: Callable[..., NodeConfig]) -> Identity:
    """A node that knows another one."""
    found = founding.open_identity(config_of(), MachineEntropy(), MachineClock())
    return found.with_seeds({**found.seeds, OTHER: "other:9002"})


def kept(identity: Identity) -> Life:
    """One start, up to the moment in which the node keeps a log."""
    life = rebirth.life_of(identity.directory, identity)
    disk = FileDisk(identity.directory / "journal", identity.cluster_id)
    disk.load()
    disk.close()
    rebirth.remember_log(identity.directory)
    return life


def rows_of(*voters: NodeId, applied: tuple[int, int] = (0, 0)) -> MemoryRows:
    rows = MemoryRows()
    overlay = Overlay(rows)
    tables.put_voters(overlay, voters)
    tables.put_applied(overlay, *applied)  # type: ignore[arg-type]  # bare numbers of a test
    rows.commit(overlay.writes())
    return rows


def reborn(identity: Identity, rows: MemoryRows) -> tuple[Identity, Life]:
    return rebirth.begin_anew(identity.directory, identity, rows, MachineEntropy(), "it is gone")


def test_a_first_start_names_the_journal_and_the_next_ones_find_the_name(identity: Identity) -> None:
    life = Life(identity.incarnation)
    assert [kept(identity), kept(identity)] == [life, life]


def test_a_journal_of_a_release_without_names_is_adopted(identity: Identity) -> None:
    kept(identity)
    (identity.directory / "journal" / "incarnation").unlink()
    (identity.directory / "begun").write_bytes(b"")
    assert kept(identity) == Life(identity.incarnation)


@pytest.mark.parametrize("fault", ["gone", "empty", "nameless", "unreadable", "no text", "of another life"])
def test_a_journal_that_is_not_the_one_that_was_kept_is_not_used(identity: Identity, fault: str) -> None:
    kept(identity)
    journal = identity.directory / "journal"
    match fault:
        case "gone":
            shutil.rmtree(journal)
        case "empty":
            next(journal.glob("*.log")).unlink()
        case "nameless":
            (journal / "incarnation").unlink()
        case "unreadable":
            (journal / "incarnation").write_text("{")
        case "no text":
            (journal / "incarnation").write_bytes(b'{"format":1,"incarnation":"\xee0"}')
        case _:
            identity = replace(identity, incarnation=b"x" * 16)
    with pytest.raises(JournalForgot):
        rebirth.life_of(identity.directory, identity)


def test_a_note_that_rotted_stops_no_start_and_is_written_again(identity: Identity) -> None:
    life = kept(identity)
    note = identity.directory / founding.BEGUN_NAME
    sound = note.read_bytes()
    note.write_bytes(b"\xff\xfe rotten")
    assert kept(identity) == life
    assert note.read_bytes() == sound


def test_a_name_of_a_later_release_stops_the_start(identity: Identity) -> None:
    kept(identity)
    note = b'{"format":2,"incarnation":"","reborn":false}'
    (identity.directory / "journal" / "incarnation").write_bytes(note + b"\n" + digest_of(note).hex().encode() + b"\n")
    with pytest.raises(Unavailable, match="format 2"):
        rebirth.life_of(identity.directory, identity)


def test_a_name_without_a_digest_is_read(identity: Identity) -> None:
    """Earlier releases wrote none."""
    life = kept(identity)
    name = identity.directory / "journal" / "incarnation"
    name.write_bytes(name.read_bytes().splitlines()[0] + b"\n")
    assert rebirth.life_of(identity.directory, identity) == life


def test_a_name_in_which_any_bit_has_flipped_is_not_used(identity: Identity) -> None:
    life = kept(identity)
    name = identity.directory / "journal" / "incarnation"
    sound = name.read_bytes()
    for bit in range(len(sound) * 8):
        rotten = bytearray(sound)
        rotten[bit // 8] ^= 1 << bit % 8
        name.write_bytes(bytes(rotten))
        with pytest.raises(JournalForgot):
            rebirth.life_of(identity.directory, identity)
    name.write_bytes(sound)
    assert rebirth.life_of(identity.directory, identity) == life


def test_a_node_begins_anew_behind_its_rows_and_stays_what_it_became(identity: Identity) -> None:
    kept(identity)
    after, life = reborn(identity, rows_of(identity.node, OTHER, applied=(50, 3)))
    assert life == Life(after.incarnation, is_reborn=True)
    assert after.incarnation != identity.incarnation
    assert identities.load(identity.directory).incarnation == after.incarnation
    assert rebirth.life_of(identity.directory, after) == life
    loaded = FileDisk(identity.directory / "journal", identity.cluster_id).load()
    assert [entry[1:] for entry in loaded.entries] == [(50, 3)]
    assert (loaded.term, loaded.vote) == (3, None)


def test_without_rows_the_new_journal_begins_at_the_beginning(identity: Identity) -> None:
    reborn(identity, rows_of())
    loaded = FileDisk(identity.directory / "journal", identity.cluster_id).load()
    assert [entry[1:] for entry in loaded.entries] == [(1, 0)]


def test_an_interrupted_rebirth_never_uses_the_old_journal_under_the_new_name(identity: Identity) -> None:
    kept(identity)
    renamed = identity.with_incarnation(b"n" * 16)
    with pytest.raises(JournalForgot, match="earlier life"):
        rebirth.life_of(identity.directory, renamed)


def test_the_newest_journals_are_kept_aside(identity: Identity) -> None:
    rows = rows_of(identity.node, OTHER)
    for _ in range(limits.quarantined_journals_max + 2):
        identity, _ = reborn(identity, rows)
    names = [place.name for place in rebirth.aside(identity.directory)]
    assert names == ["journal.lost-2", "journal.lost-3"]


@pytest.mark.parametrize("knows_others", [True, False])
def test_a_node_that_alone_has_the_vote_is_not_begun_anew(identity: Identity, knows_others: bool) -> None:
    kept(identity)
    if knows_others:
        rows = rows_of(identity.node)
    else:
        rows, identity = rows_of(), identity.with_seeds({identity.node: "here:9002"})
    with pytest.raises(Unavailable, match="no other node has the vote"):
        reborn(identity, rows)
    assert rebirth.life_of(identity.directory, identity) == Life(identity.incarnation)
    assert rebirth.aside(identity.directory) == []


def test_nothing_is_put_aside_where_nothing_is(tmp_path: Path) -> None:
    rebirth.put_aside(tmp_path)
    assert list(tmp_path.iterdir()) == []
