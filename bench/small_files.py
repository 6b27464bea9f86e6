"""A tree of small files: `python -m bench.small_files --help`. The same as `mys3d bench small-files`."""

from mys3d.cli.bench_commands import script

if __name__ == "__main__":
    script("small-files")
