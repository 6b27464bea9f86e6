"""Downloads: `python -m bench.get --help`. The same as `mys3d bench get`."""

from mys3d.cli.bench_commands import script

if __name__ == "__main__":
    script("get")
