"""`python -m tests.simulation --seed 7`: repeat simulated runs and say what they showed.        Floor: tests."""

import argparse
import sys

from tests.simulation.campaign import verdicts
from tests.simulation.mutants import MUTANTS
from tests.simulation.run import VIRTUAL_SECONDS, Verdict, simulate

SEEDS_PER_MUTANT = 50


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="first seed (default: 7)")
    parser.add_argument("--count", type=int, default=1, help="how many seeds (default: 1)")
    parser.add_argument("--seconds", type=float, default=VIRTUAL_SECONDS, help="virtual seconds of faults")
    parser.add_argument(
        "--mutant", choices=[*MUTANTS, "all"], help="plant a bug; with `all`, each one until it is found"
    )
    chosen = parser.parse_args()
    if chosen.mutant == "all":
        return find_mutants(chosen.seed, chosen.seconds)
    seeds = range(chosen.seed, chosen.seed + chosen.count)
    if chosen.count == 1:
        plant = None if chosen.mutant is None else MUTANTS[chosen.mutant].plant
        return 0 if show(simulate(chosen.seed, chosen.seconds, plant, say=print), chosen) else 1
    bad = [verdict.seed for verdict in verdicts(seeds, chosen.seconds, chosen.mutant) if not show(verdict, chosen)]
    print(f"{len(seeds) - len(bad)} of {len(seeds)} seeds kept all promises; bad: {bad or 'none'}")
    return 1 if bad else 0


def show(verdict: Verdict, chosen: argparse.Namespace) -> bool:
    print(verdict, flush=True)
    for problem in verdict.problems[:20]:
        print(f"  {problem}")
    if not verdict.is_good:
        mutant = f" --mutant {chosen.mutant}" if chosen.mutant else ""
        print(
            f"  again: python -m tests.simulation --seed {verdict.seed} --seconds {chosen.seconds:g}{mutant}",
            flush=True,
        )
    return verdict.is_good


def find_mutants(first_seed: int, seconds: float) -> int:
    """Plant each bug and count the seeds until a run breaks a promise."""
    survivors = 0
    for name, mutant in MUTANTS.items():
        found = None
        for count, verdict in enumerate(verdicts(range(first_seed, first_seed + SEEDS_PER_MUTANT), seconds, name), 1):
            if verdict.problems:
                found = f"found by seed {verdict.seed}, the {count}. tried: {verdict.problems[0][:120]}"
                break
        survivors += found is None
        print(f"{name}: {found or 'SURVIVED'} ({mutant.what})", flush=True)
    print(f"{len(MUTANTS) - survivors} of {len(MUTANTS)} planted bugs found, each within {SEEDS_PER_MUTANT} seeds")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
