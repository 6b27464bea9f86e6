"""The whole room in one event loop: nodes that commit, forward, crash and come back."""

import dataclasses

import msgspec
import pytest
import trio

from mys3d.consensus.consensus import StoreAhead
from mys3d.consensus.store_faults import StoreDamaged
from mys3d.errors import Reason, Rejected, Unavailable
from mys3d.registry.codec import RowDamaged


async def test_a_single_node_commits_without_any_peer(cluster, builders, autojump_clock):
    node = builders.nodes[0]
    alone = await cluster.start(node, initial=[node])
    outcome = await alone.propose(builders.bucket("first"))
    assert alone.view().get(b"bucket:first") is not None
    assert alone.status().applied_index == outcome.index
    assert alone.status().voters == (node,)


async def test_three_nodes_commit_a_proposal_from_every_one_of_them(cluster, builders, autojump_clock):
    trinity = builders.nodes[:3]
    for node in trinity:
        await cluster.start(node, initial=trinity, members=trinity)
    for number, node in enumerate(trinity):
        await cluster.nodes[node].propose(builders.bucket(f"bucket-{number}"))
        assert cluster.nodes[node].view().get(b"bucket:bucket-%d" % number) is not None
    state = await cluster.agree()
    assert state[b"count"] == b"\x03"


async def test_a_refusal_of_the_rules_is_raised_at_the_proposer(cluster, builders, autojump_clock):
    node = builders.nodes[0]
    alone = await cluster.start(node, initial=[node])
    await alone.propose(builders.bucket("twice"))
    with pytest.raises(Rejected) as refusal:
        await alone.propose(builders.bucket("twice"))
    assert refusal.value.reason is Reason.BUCKET_EXISTS


async def form(cluster, nodes, initial):
    for node in nodes:
        await cluster.start(node, initial=initial if node in initial else (), members=nodes)


async def test_a_node_restarted_on_files_answers_as_before(nursery, builders, tmp_path):
    node = builders.nodes[0]
    cluster = builders.Cluster(nursery, tmp_path)
    alone = await cluster.start(node, initial=[node])
    for number in range(20):
        await alone.propose(builders.bucket(f"b{number}"))
        if number == 9:
            cluster.rows[node].flush()
    before = dict(cluster.rows[node].rows)
    cluster.kill(node)
    assert cluster.rows[node].get(b"bucket:b19") is None
    again = await cluster.start(node)
    await again.barrier()
    found = dict(cluster.rows[node].rows)
    assert {key: found[key] for key in before if key != b"applied"} == {
        key: value for key, value in before.items() if key != b"applied"
    }


async def test_a_killed_node_catches_up_when_it_returns(cluster, builders, autojump_clock):
    trinity = builders.nodes[:3]
    await form(cluster, trinity, trinity)
    leader = await cluster.leader()
    gone = next(node for node in trinity if node != leader.node)
    await leader.propose(builders.bucket("before"))
    cluster.kill(gone)
    for number in range(50):
        await leader.propose(builders.bucket(f"b{number}"))
    await cluster.start(gone)
    state = await cluster.agree()
    assert state[b"count"] == bytes([51])


async def test_a_joiner_learns_and_is_promoted_until_three_vote(cluster, builders, autojump_clock):
    first, second, third = builders.nodes[:3]
    alone = await cluster.start(first, initial=[first])
    for number in range(100):
        await alone.propose(builders.bucket(f"b{number}"))
    for joiner, count in ((second, 2), (third, 3)):
        members = builders.nodes[:count]
        await cluster.start(joiner, members=members)
        for node in cluster.nodes.values():
            node.set_members(members)
        await cluster.until(lambda joiner=joiner: alone.caught_up(joiner))
        await alone.set_voter(joiner, votes=True)
        assert sorted(alone.status().voters) == sorted(members)
    state = await cluster.agree()
    assert builders.voters(cluster.rows[third]) == (first, second, third)
    assert state[b"count"] == bytes([100])
    cluster.kill(first)
    await (await cluster.leader()).propose(builders.bucket("after"))


async def test_a_promoted_voter_is_a_voter_after_everybody_restarted(cluster, builders, autojump_clock):
    first, second = builders.nodes[:2]
    alone = await cluster.start(first, initial=[first], members=[first, second])
    await cluster.start(second, members=[first, second])
    await cluster.until(lambda: alone.caught_up(second))
    await alone.set_voter(second, votes=True)
    cluster.kill(first)
    cluster.kill(second)
    again = await cluster.start(first)
    assert sorted(again.status().voters) == [first, second]
    await cluster.start(second)
    await again.propose(builders.bucket("together"))


async def test_a_leader_that_gives_up_its_vote_hands_over_first(cluster, builders, autojump_clock):
    trinity = builders.nodes[:3]
    await form(cluster, trinity, trinity)
    leader = await cluster.leader()
    await leader.barrier()
    await leader.set_voter(leader.node, votes=False)
    assert not leader.status().is_leader
    assert leader.node not in leader.status().voters
    await leader.propose(builders.bucket("as-a-learner"))


async def test_a_leader_hands_over_before_a_planned_stop(cluster, builders, autojump_clock):
    trinity = builders.nodes[:3]
    await form(cluster, trinity, trinity)
    leader = await cluster.leader()
    await leader.propose(builders.bucket("before"))
    assert await leader.hand_over()
    assert (await cluster.leader()).node != leader.node


async def test_a_leader_without_any_peer_does_not_wait_for_a_successor(cluster, builders, autojump_clock):
    trinity = builders.nodes[:3]
    await form(cluster, trinity, trinity)
    leader = await cluster.leader()
    for node in trinity:
        if node != leader.node:
            cluster.kill(node)
    await trio.sleep(0.1)
    before = trio.current_time()
    assert not await leader.hand_over()
    assert trio.current_time() - before < 1


async def test_only_the_leader_changes_voters(cluster, builders, autojump_clock):
    trinity = builders.nodes[:3]
    await form(cluster, trinity, trinity)
    leader = await cluster.leader()
    follower = next(node for node in cluster.nodes.values() if node is not leader)
    with pytest.raises(Unavailable, match="not the leader"):
        await follower.set_voter(leader.node, votes=False)


async def test_a_store_ahead_of_its_journal_refuses_and_says_so(cluster, builders, autojump_clock):
    node = builders.nodes[0]
    alone = await cluster.start(node, initial=[node])
    await alone.propose(builders.bucket("one"))
    cluster.rows[node].flush()
    cluster.kill(node)
    cluster.disks[node].works.pop()
    with pytest.raises(StoreAhead, match=r"the store has applied entry 4, but the journal holds entries 2 to 3"):
        await cluster.start(node)


async def test_a_store_of_another_history_refuses(cluster, builders, autojump_clock):
    node = builders.nodes[0]
    alone = await cluster.start(node, initial=[node])
    await alone.barrier()
    cluster.rows[node].write([(b"applied", msgspec.msgpack.encode((3, 99)))])
    cluster.rows[node].flush()
    cluster.kill(node)
    with pytest.raises(StoreAhead, match="in term 99, but the journal has it in term 1"):
        await cluster.start(node)


async def test_a_joiner_without_members_stays_quiet(cluster, builders, autojump_clock):
    joiner = await cluster.start(builders.nodes[3])
    with pytest.raises(Unavailable):
        await joiner.barrier()
    assert joiner.status().term == 0


async def test_a_scan_sees_one_snapshot_in_a_thread(cluster, builders, autojump_clock):
    node = builders.nodes[0]
    alone = await cluster.start(node, initial=[node])
    await alone.propose(builders.bucket("seen"))
    found = await alone.scan(lambda reader: [key for key, _ in reader.scan(b"bucket:", b"bucket;")])
    assert found == [b"bucket:seen"]


async def test_a_failing_disk_crashes_the_node(cluster, builders, autojump_clock):
    node = builders.nodes[0]
    with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="no space"), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            cluster.nursery = nursery
            alone = await cluster.start(node, initial=[node])
            await alone.barrier()

            def refuse(work):
                raise OSError("no space")

            cluster.disks[node].write = refuse
            with trio.move_on_after(1):
                await alone.propose(builders.bucket("lost"))


async def test_a_node_whose_rows_are_damaged_hands_over_and_ends(builders, autojump_clock):
    a, b, c = builders.nodes[:3]
    with pytest.RaisesGroup(pytest.RaisesExc(StoreDamaged, match="rot"), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            cluster = builders.Cluster(nursery, sync=builders.at_once)
            for node in (a, b, c):
                await cluster.start(node, initial=[a, b, c])
            leader = await cluster.leader()
            await leader.propose(builders.bucket("first"))
            cluster.rows[leader.node].damage = Unavailable("rot")
            others = [node for name, node in cluster.nodes.items() if name != leader.node]
            await cluster.until(lambda: leader.raft.is_stalled)
            with pytest.raises(StoreDamaged):
                await leader.propose(builders.bucket("refused"))
            with pytest.raises(StoreDamaged):
                await leader.barrier()
            with trio.CancelScope(shield=True):
                await cluster.until(lambda: any(node.status().is_leader for node in others))
            assert not leader.status().is_leader


async def test_a_damaged_node_alone_ends_without_waiting_for_a_successor(builders, autojump_clock):
    with pytest.RaisesGroup(pytest.RaisesExc(StoreDamaged), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            cluster = builders.Cluster(nursery, sync=builders.at_once)
            alone = await cluster.start(builders.nodes[0], initial=builders.nodes[:1])
            await alone.barrier()
            cluster.rows[alone.node].damage = Unavailable("rot")
            await trio.sleep(30)
            raise AssertionError("it went on")


async def test_a_node_whose_files_have_rotted_behind_its_caches_stands_down_when_they_are_read(
    builders, autojump_clock
):
    def rotten():
        raise StoreDamaged("a bit of a file")

    with pytest.RaisesGroup(pytest.RaisesExc(StoreDamaged, match="a bit"), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            cluster = builders.Cluster(nursery, sync=builders.at_once)
            alone = await cluster.start(builders.nodes[0], initial=builders.nodes[:1])
            await alone.barrier()
            await alone.prove()
            await alone.barrier()
            cluster.rows[alone.node].prove = rotten
            with pytest.raises(StoreDamaged, match="a bit"):
                await alone.prove()
            with pytest.raises(StoreDamaged):
                await alone.barrier()
            await trio.sleep(30)
            raise AssertionError("it went on")


@pytest.mark.parametrize("is_scan", [True, False])
async def test_a_node_that_reads_a_row_which_does_not_decode_answers_no_more(builders, autojump_clock, is_scan):
    def misread(_):
        raise RowDamaged("row x")

    with pytest.RaisesGroup(pytest.RaisesExc(StoreDamaged, match="row x"), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            cluster = builders.Cluster(nursery, sync=builders.at_once)
            alone = await cluster.start(builders.nodes[0], initial=builders.nodes[:1])
            await alone.barrier()
            if is_scan:
                with pytest.raises(StoreDamaged, match="row x"):
                    await alone.scan(misread)
            else:
                assert isinstance(alone.distrust(RowDamaged("row x")), StoreDamaged)
            with pytest.raises(StoreDamaged):
                await alone.barrier()
            await trio.sleep(30)
            raise AssertionError("it went on")


async def test_what_is_in_the_way_of_a_command_is_asked_of_the_rows_here(builders, nursery, autojump_clock):
    machine = dataclasses.replace(
        builders.MACHINE, obstacle=lambda rows, command: "upgrade n2" if rows.get(b"bucket:first") else ""
    )
    cluster = builders.Cluster(nursery, sync=builders.at_once, machine=machine)
    alone = await cluster.start(builders.nodes[0], initial=builders.nodes[:1])
    await alone.propose(builders.bucket("first"))
    with pytest.raises(Unavailable, match="upgrade n2"):
        await alone.propose(builders.bucket("second"))
    assert alone.view().get(b"bucket:second") is None
