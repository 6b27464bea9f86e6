"""`python -m tests.simulation --seed 7`: repeat simulated runs and say what they showed.        Floor: tests."""

import argparse
import sys

from tests.simulation.campaign import verdicts
from tests.simulation.hunt import SECONDS, SEEDS_MAX, hunts
from tests.simulation.mutants import MUTANTS
from tests.simulation.profiles import PROFILES
from tests.simulation.run import VIRTUAL_SECONDS, Verdict, simulate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="first seed (default: 7)")
    parser.add_argument("--count", type=int, default=1, help="how many seeds (default: 1)")
    parser.add_argument("--seconds", type=float, help=f"virtual seconds of faults (default: {VIRTUAL_SECONDS:g})")
    parser.add_argument("--profile", choices=PROFILES, help="kind of weather (default: each seed its own)")
    parser.add_argument(
        "--mutant", choices=[*MUTANTS, "all"], action="append", help="plant a bug, and seek a seed that finds it"
    )
    chosen = parser.parse_args()
    if chosen.mutant:
        names = list(MUTANTS) if "all" in chosen.mutant else chosen.mutant
        return find(names, chosen.seed, chosen.seconds or SECONDS)
    return run(range(chosen.seed, chosen.seed + chosen.count), chosen.seconds or VIRTUAL_SECONDS, chosen.profile)


def run(seeds: range, seconds: float, profile: str | None) -> int:
    if len(seeds) == 1:
        return 0 if show(simulate(seeds[0], seconds, say=print, profile=profile), seconds) else 1
    bad = [verdict.seed for verdict in verdicts(seeds, seconds, profile=profile) if not show(verdict, seconds)]
    print(f"{len(seeds) - len(bad)} of {len(seeds)} seeds kept all promises; bad: {bad or 'none'}")
    return 1 if bad else 0


def show(verdict: Verdict, seconds: float) -> bool:
    print(verdict, flush=True)
    for problem in verdict.problems[:20]:
        print(f"  {problem}")
    if not verdict.is_good:
        again = f"--seed {verdict.seed} --seconds {seconds:g} --profile {verdict.profile}"
        print(f"  again: python -m tests.simulation {again}", flush=True)
    return verdict.is_good


def find(names: list[str], first_seed: int, seconds: float) -> int:
    """Plant each bug and count the seeds until a run breaks a promise."""
    survivors_count = 0
    for hunt in hunts(names, first_seed, seconds):
        print(hunt, flush=True)
        survivors_count += hunt.seed is None
    print(f"{len(names) - survivors_count} of {len(names)} planted bugs found, each within {SEEDS_MAX} seeds")
    return 1 if survivors_count else 0


if __name__ == "__main__":
    sys.exit(main())
