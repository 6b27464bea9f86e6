"""One event a line, from the chosen level upwards."""

import subprocess
import sys

PROGRAM = """
import structlog
from mys3d.node.log_lines import set_up_logging
set_up_logging("warning")
log = structlog.get_logger("mys3d.test")
log.info("too quiet")
log.warning("loud enough", node="n1")
"""


def test_events_below_the_level_are_not_written() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert "event='loud enough'" in lines[0]
    assert "node='n1'" in lines[0]
    assert done.stdout == ""
