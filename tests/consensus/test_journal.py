"""The log in memory and what it hands to the disk."""

import pytest

from mys3d.consensus.journal import Journal


@pytest.fixture
def journal(builders):
    return Journal(builders.SimulatedDisk())


def write(journal):
    work = journal.take()
    journal.disk.write(work)
    journal.wrote(work)


def test_an_entry_is_not_durable_before_the_disk_has_it(journal):
    journal.add(b"\0one", 2, 1)
    work = journal.take()
    assert (journal.last_index, journal.durable_index) == (2, 1)
    journal.disk.write(work)
    journal.wrote(work)
    assert journal.durable_index == 2


def test_a_hole_in_the_log_is_refused(journal):
    with pytest.raises(AssertionError, match="expected entry 2, found 3"):
        journal.add(b"\0", 3, 1)


def test_a_cut_entry_is_not_durable_any_more(journal):
    for index in (2, 3, 4):
        journal.add(b"\0", index, 1)
    write(journal)
    journal.deleteEntriesFrom(2)
    assert (journal.last_index, journal.durable_index) == (2, 2)
    write(journal)
    assert Journal(journal.disk).last_index == 2


def test_a_journal_is_clean_after_its_work_was_taken(journal):
    assert not journal.is_dirty
    journal.setCurrentTerm(3, "a" * 32)
    assert journal.is_dirty
    assert journal.take().term == (3, "a" * 32)
    assert not journal.is_dirty


def test_a_term_never_goes_back(journal):
    journal.setCurrentTerm(3, None)
    with pytest.raises(AssertionError, match="term 2 follows 3"):
        journal.setCurrentTerm(2, None)


def test_a_restarted_journal_holds_what_was_written_and_nothing_else(journal):
    journal.setCurrentTerm(2, None)
    journal.add(b"\0one", 2, 2)
    write(journal)
    journal.add(b"\0lost", 3, 2)
    again = Journal(journal.disk)
    assert (again.last_index, again.term, again.durable_index) == (2, 2, 2)


def test_entries_are_read_by_index(journal):
    for index in range(2, 6):
        journal.add(b"\0%d" % index, index, 1)
    assert [entry[1] for entry in journal.between(3, 5)] == [3, 4]
    with pytest.raises(AssertionError, match="are gone"):
        journal.between(1, 3)
