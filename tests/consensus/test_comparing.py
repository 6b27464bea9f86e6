"""Rows are named as of their entry, on every node alike; a node that is outvoted stands down."""

import msgspec
import pytest
import trio

from mys3d import limits
from mys3d.consensus.generations import GenerationStore
from mys3d.consensus.store_faults import StoreDamaged
from mys3d.registry.commands import CompareRows, CondemnRows
from mys3d.registry.comparing import digest_rows
from mys3d.registry.memory import MemoryRows


@pytest.fixture
def small(builders):
    """The room's machine, which also accepts the commands about rows."""

    def apply_command(tx, index, term, payload):
        proposal = msgspec.msgpack.decode(payload, type=builders.Proposal)
        if isinstance(proposal.command, CompareRows | CondemnRows):
            builders.MACHINE.apply_noop(tx, index, term)
            tx.put(b"op:" + proposal.operation, msgspec.msgpack.encode(index))
            return proposal.command, builders.Applied(index)
        return builders.MACHINE.apply_command(tx, index, term, payload)

    fields = {name: getattr(builders.MACHINE, name) for name in builders.MACHINE.__dataclass_fields__}
    return type(builders.MACHINE)(**{**fields, "apply_command": apply_command})


async def compared(cluster, index):
    """The name of every node for an index, once each has given one."""

    def all_named():
        found = [{name.index: name for name in node.status().compared}.get(index) for node in cluster.nodes.values()]
        return found if all(found) else None

    return await cluster.until(all_named)


async def three(cluster, builders, small):
    cluster.machine = small
    nodes = builders.nodes[:3]
    for node in nodes:
        await cluster.start(node, initial=nodes)
    return await cluster.leader()


async def test_all_nodes_name_the_rows_of_one_entry_alike_while_others_follow(cluster, builders, small):
    leader = await three(cluster, builders, small)
    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(leader.propose, builders.bucket(f"b{number}"))
        applied = await leader.propose(CompareRows(b"", 1_000))
    found = await compared(cluster, applied.index)
    assert len({name.digest for name in found}) == 1
    assert found[0].rows_count > 2


async def test_a_slice_ends_behind_the_entry_that_is_compared(cluster, builders, small):
    cluster.machine = small
    alone = await cluster.start(builders.nodes[0], initial=builders.nodes[:1])
    states = {}

    def keep(entries):
        states[entries[-1].index] = dict(cluster.rows[alone.node].rows)

    alone.subscribe(keep)
    found = {}

    async def compare():
        applied = await alone.propose(CompareRows(b"", 1_000))
        found[applied.index] = (await compared(cluster, applied.index))[0]

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(alone.propose, builders.bucket(f"b{number}"))
        nursery.start_soon(compare)
        for number in range(10, 20):
            nursery.start_soon(alone.propose, builders.bucket(f"b{number}"))
    ((index, name),) = found.items()
    expected = digest_rows(MemoryRows(states[index].items()), b"", 1_000)
    assert (name.digest, name.rows_count) == (expected.digest, expected.rows_count)


async def test_only_the_newest_names_are_remembered(cluster, builders, small):
    cluster.machine = small
    alone = await cluster.start(builders.nodes[0], initial=builders.nodes[:1])
    for _ in range(limits.compared_kept_max + 3):
        applied = await alone.propose(CompareRows(b"", 10))
        await compared(cluster, applied.index)
    names = alone.status().compared
    assert len(names) == limits.compared_kept_max
    assert names[-1].index == applied.index


async def test_a_node_that_named_otherwise_stands_down_and_the_others_go_on(builders, small):
    with pytest.RaisesGroup(pytest.RaisesExc(StoreDamaged, match="differ from those of most"), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            cluster = builders.Cluster(nursery)
            leader = await three(cluster, builders, small)
            odd = next(node for node in cluster.nodes.values() if node is not leader)
            await leader.propose(builders.bucket("all"))
            await cluster.agree()
            cluster.rows[odd.node].rows[b"bucket:rot"] = b"\x01"
            applied = await leader.propose(CompareRows(b"", 1_000))
            found = await compared(cluster, applied.index)
            own = next(name for name in leader.status().compared if name.index == applied.index)
            assert len({name.digest for name in found}) == 2
            for node in cluster.nodes:
                await leader.propose(CondemnRows(node, applied.index, b"", own.digest))
            assert leader._damage is None
            await trio.sleep(10)
            raise AssertionError("nobody stood down")


async def test_a_store_of_files_is_named_in_a_thread_while_it_is_written(builders, small, tmp_path, nursery):
    cluster = builders.Cluster(nursery, machine=small)
    store = GenerationStore(tmp_path / "rows")
    cluster.rows[builders.nodes[0]] = store
    alone = await cluster.start(builders.nodes[0], initial=builders.nodes[:1])
    for number in range(5):
        await alone.propose(builders.bucket(f"b{number}"))
    applied = await alone.propose(CompareRows(b"bucket:", 3))
    (name,) = await compared(cluster, applied.index)
    assert (name.rows_count, name.next_start) == (3, b"bucket:b3")
    cluster.scopes[alone.node].cancel()
    store.close()
