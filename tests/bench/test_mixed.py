"""The mix, and that no request of it can meet another one's delete."""

import random
from collections import Counter

from mys3d.bench.load import Bounds, run
from mys3d.bench.mixed import SHARES, Mixed, Pool
from mys3d.bench.workload import Load


def test_the_mix_has_its_proportions_and_no_errors(store) -> None:
    workload = Mixed(store.target(), Load(500, objects=300))
    workload.prepare()
    (phase,) = workload.phases(4)
    result = run(phase.connections, Bounds(60, 1000))
    counts = {kind: len(found) for kind, found in result.latencies.items()}
    assert (result.errors_count, counts) == (0, {kind: 10 * share for kind, share in SHARES.items()})
    assert result.checked_count == 4
    assert len(store.objects) == 300 + 150 - 100


def test_a_pool_that_is_nearly_empty_is_filled_instead(store) -> None:
    workload = Mixed(store.target(), Load(500, objects=8))
    workload.prepare()
    (phase,) = workload.phases(2)
    result = run(phase.connections, Bounds(60, 100))
    assert (result.errors_count, len(result.latencies["put"])) == (0, SHARES["put"] + SHARES["delete"])


def test_an_upload_that_failed_is_never_asked_for(store) -> None:
    workload = Mixed(store.target(), Load(500, objects=300))
    workload.prepare()
    store.spoil = lambda method, path, status, body: (503, b"") if method == "PUT" else (status, body)
    store.objects.update({})
    (phase,) = workload.phases(1)
    result = run(phase.connections, Bounds(60, 200))
    assert set(result.errors) == {"status 503"}


def test_what_is_read_is_not_deleted() -> None:
    pool, chance = Pool(range(50), 1), random.Random(2)
    lent: Counter[int] = Counter()
    for _ in range(20_000):
        if lent and chance.random() < 0.5:
            number = chance.choice(sorted(lent))
            pool.give_back(number)
            lent -= Counter([number])
        elif chance.random() < 0.3 and len(pool) > 5:
            taken = pool.take()
            assert taken is None or taken not in lent
            if taken is not None:
                pool.add(pool.new())
        else:
            lent[pool.lend()] += 1


def test_nothing_is_taken_while_everything_is_read() -> None:
    pool = Pool(range(1), 1)
    pool.lend()
    assert pool.take() is None
