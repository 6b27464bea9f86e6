"""A mix of requests: `python -m bench.mixed --help`. The same as `mys3d bench mixed`."""

from mys3d.cli.bench_commands import script

if __name__ == "__main__":
    script("mixed")
