"""Whole clusters in virtual time: what was acknowledged stays, whatever breaks."""

import os
import subprocess
import sys

import pytest

from tests.simulation.campaign import commit_seeds, verdicts
from tests.simulation.hunt import hunts
from tests.simulation.run import simulate

SEEDS_COUNT = 6
SECONDS = 12.0
REPEAT = "from tests.simulation.run import simulate; v = simulate({seed}, 3.0); print(v.trace, v.counts, v.problems)"


def test_clusters_keep_their_promises_through_every_kind_of_fault() -> None:
    """The seeds follow from the commit: the same commit is judged by the same runs."""
    bad = [verdict for verdict in verdicts(commit_seeds(SEEDS_COUNT), SECONDS) if not verdict.is_good]
    told = [f"{verdict}\n  {verdict.problems[:5]}\n  again: make simulate SEED={verdict.seed}" for verdict in bad]
    assert not bad, "\n".join(told)


def test_a_log_that_is_cut_short_makes_nodes_that_were_away_install_snapshots() -> None:
    for seed in (7, 8, 9):
        verdict = simulate(seed, 10.0, profile="short-log")
        assert verdict.is_good, str(verdict)
        if verdict.counts["installs"]:
            return
    pytest.fail("no snapshot was installed in three runs")


def test_the_same_seed_gives_the_same_run_byte_for_byte_whatever_the_order_of_sets() -> None:
    told = set()
    for hash_seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", REPEAT.format(seed=11)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=600)
        told.add(done.stdout)
    assert len(told) == 1, told
    assert simulate(12, 3.0).trace not in next(iter(told))


@pytest.mark.parametrize("name", ["ack-at-one-copy", "no-read-barrier"])  # the others: make mutants
def test_a_planted_bug_is_found(name: str) -> None:
    (hunt,) = hunts([name], first_seed=7)
    assert hunt.seed is not None, str(hunt)


def test_a_run_with_too_little_progress_proves_nothing() -> None:
    verdict = simulate(7, 3.0)
    assert verdict.is_good, str(verdict)
    verdict.counts["writes"] = 0
    assert not verdict.is_good
    assert "INVALID" in str(verdict)
