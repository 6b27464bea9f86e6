"""The words an operator types.        Floor: top. Called by: the `mys3d` entry point."""


def main() -> None:
    """Run the command line."""
    raise SystemExit("no command is built yet")
