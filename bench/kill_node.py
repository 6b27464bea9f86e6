"""A node is killed under load: `python -m bench.kill_node --help`. The same as `mys3d bench kill-node`."""

from mys3d.cli.bench_commands import script

if __name__ == "__main__":
    script("kill-node")
