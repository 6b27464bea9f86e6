"""Deletes: `python -m bench.delete --help`. The same as `mys3d bench delete`."""

from mys3d.cli.bench_commands import script

if __name__ == "__main__":
    script("delete")
