"""Uploads: `python -m bench.put --help`. The same as `mys3d bench put`."""

from mys3d.cli.bench_commands import script

if __name__ == "__main__":
    script("put")
