"""Listings: `python -m bench.list --help`. The same as `mys3d bench list`."""

from mys3d.cli.bench_commands import script

if __name__ == "__main__":
    script("list")
