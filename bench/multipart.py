"""Uploads in parts: `python -m bench.multipart --help`. The same as `mys3d bench multipart`."""

from mys3d.cli.bench_commands import script

if __name__ == "__main__":
    script("multipart")
