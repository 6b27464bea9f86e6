"""`python -m mys3d`.        Floor: top."""

from mys3d.cli import main

if __name__ == "__main__":
    main()
