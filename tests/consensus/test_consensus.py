"""The whole room in one event loop: nodes that commit, forward, crash and come back."""

import pytest

from mys3d.errors import Reason, Rejected


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
