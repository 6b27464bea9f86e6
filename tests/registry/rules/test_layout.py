"""Layout transitions; every refusal is in transcripts/cluster.txt."""

import pytest

from mys3d.errors import Reason
from mys3d.model.members import MemberState
from mys3d.registry import queries
from mys3d.registry.commands import BeginLayout, ReleaseLayout, ReportHomes, SealLayout, UpdateMember


@pytest.fixture
def two(machine):
    machine.join("n2")
    return machine


def begin(epoch, *nodes):
    return BeginLayout(epoch, nodes, (tuple(range(len(nodes))),) * 1024)


def transition(machine, epoch, *nodes):
    machine.done(begin(epoch, *nodes))
    machine.done(SealLayout(epoch))
    for node in nodes:
        machine.done(ReportHomes(epoch, node, machine.index))
    machine.done(ReleaseLayout(epoch))


def test_a_layout_needs_a_cluster(make):
    assert make.reason(make.Machine().do(begin(2, "n1"))) == Reason.INVALID_COMMAND


def test_released_homes_are_the_base_and_active(two):
    transition(two, 2, "n2", "n1")
    layout = queries.layout(two.rows)
    assert layout.base == (("n2", "n1"),) * 1024
    assert (layout.epoch, layout.sealed, layout.seal_index, layout.target, layout.reported) == (2, 1, 0, (), ())
    assert queries.member(two.rows, "n2").state is MemberState.ACTIVE


def test_a_member_that_is_leaving_stays_so_when_it_is_a_home(two):
    two.done(UpdateMember("n2", state=MemberState.LEAVING))
    transition(two, 2, "n1", "n2")
    assert queries.member(two.rows, "n2").state is MemberState.LEAVING


def test_reports_of_one_transition_do_not_count_for_the_next(two, make):
    transition(two, 2, "n1", "n2")
    two.done(begin(3, "n1", "n2"))
    two.done(SealLayout(3))
    assert make.reason(two.do(ReleaseLayout(3))) == Reason.TRANSITION_RUNNING


def test_sealing_again_keeps_the_first_seal_and_its_reports(two):
    two.done(begin(2, "n1", "n2"))
    sealed_at = two.done(SealLayout(2)).index
    two.done(ReportHomes(2, "n1", two.index))
    two.done(SealLayout(2))
    layout = queries.layout(two.rows)
    assert (layout.seal_index, layout.reported) == (sealed_at, ("n1",))
