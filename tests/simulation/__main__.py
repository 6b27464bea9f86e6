"""`python -m tests.simulation --seed 7`: repeat one simulated run and say what it showed.        Floor: tests."""

import argparse
import logging
import sys

import structlog

from tests.simulation.run import simulate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="first seed (default: 7)")
    parser.add_argument("--count", type=int, default=1, help="how many seeds, one after the other (default: 1)")
    parser.add_argument("--seconds", type=float, default=20.0, help="virtual seconds of faults (default: 20)")
    parser.add_argument("--lie", action="append", default=[], choices=["journal", "blobs"], help="plant a bug")
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    broken = 0
    for seed in range(chosen.seed, chosen.seed + chosen.count):
        verdict = simulate(seed, chosen.seconds, frozenset(chosen.lie), say=print)
        print(verdict)
        for problem in verdict.problems[:20]:
            print(f"  {problem}")
        broken += bool(verdict.problems)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
