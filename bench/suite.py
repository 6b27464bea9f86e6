"""All operations in one report: `python -m bench.suite --help`. The same as `mys3d bench suite`."""

from mys3d.cli.bench_commands import script

if __name__ == "__main__":
    script("suite")
