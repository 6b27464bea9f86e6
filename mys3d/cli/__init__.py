"""The words an operator types.        Floor: top. Called by: the `mys3d` entry point.

Law: a mistake of the operator never shows a traceback; the server is imported only by commands that run one.
"""


def main() -> None:
    """Run the command line."""
    from mys3d.cli.root import root

    root(prog_name="mys3d")
