"""A node that was filled by proposals is a node like any other."""

from pathlib import Path

import pytest

from bench.scale import begin, fill, say
from bench.scale_fill import BEFORE_NEIGHBOURS, body_of, key_of, neighbour_of, stopped
from bench.scale_loads import deletes
from bench.scale_node import BUCKET, KEYS, RunningNode, disk_bytes
from bench.scale_snapshot import snapshot
from mys3d.bench.load import Bounds, run
from mys3d.bench.prepare import list_page
from mys3d.consensus.generations import GenerationStore
from mys3d.registry.invariants import violations
from tests.system.conftest import s3_client


@pytest.mark.campaign
def test_what_was_filled_in_is_listed_read_deleted_and_frozen(tmp_path: Path) -> None:
    side = begin(tmp_path / "node")
    fill(side, 300, 512)
    fill(side, 1_500, 512)
    neighbours = [neighbour_of(number) for number in range(1_200)]
    with stopped(side.data, BUCKET) as node:
        node.fill(iter(neighbours), 512, lambda done: say(f"{done}"))
    running = RunningNode(side.data)
    try:
        client = s3_client(f"http://{running.target.endpoints[0]}", KEYS.access_key, KEYS.secret_key)
        for key in (key_of(0), key_of(299), key_of(300), key_of(1_499), neighbours[0]):
            assert client.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body_of(key, 512)
        assert list_page(running.target, "scale/", BEFORE_NEIGHBOURS) == neighbours[:1_000]
        assert not run(deletes(running.target, neighbours, 2), Bounds(60)).errors
        behind = sorted(key for key in map(key_of, range(1_500)) if key > BEFORE_NEIGHBOURS)
        assert list_page(running.target, "scale/", BEFORE_NEIGHBOURS) == behind[:1_000]
        assert running.quiet(60.0).is_over and running.rss_mib() <= running.rss_max_mib()
    finally:
        running.kill()
    again = RunningNode(side.data)
    assert list_page(again.target, "scale/", BEFORE_NEIGHBOURS) == behind[:1_000]
    again.stop()
    store = GenerationStore(side.data / "registry")
    assert violations(store.reader()) == []
    store.close()
    frozen = snapshot(side.data / "registry", tmp_path)
    assert 0 < frozen.bytes <= 2 * disk_bytes(side.data / "registry")
