"""HEAD requests: `python -m bench.head --help`. The same as `mys3d bench head`."""

from mys3d.cli.bench_commands import script

if __name__ == "__main__":
    script("head")
