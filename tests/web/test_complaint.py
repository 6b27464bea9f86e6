"""What is told of something that happens too often."""

import trio
from structlog.testing import capture_logs

from mys3d import limits
from mys3d.web.complaint import Complaint


async def test_the_first_time_is_told_at_once_and_the_rest_in_one_line_a_period(autojump_clock: object) -> None:
    complaint = Complaint("it is too much")
    with capture_logs() as lines:
        for _ in range(1000):
            complaint.happened()
        assert lines == [{"event": "it is too much", "times": 1, "log_level": "warning"}]
        await trio.sleep(limits.complaint_seconds)
        complaint.happened()
        complaint.happened()
    assert [line["times"] for line in lines] == [1, 1000]


async def test_after_a_quiet_time_it_is_told_at_once_again(autojump_clock: object) -> None:
    complaint = Complaint("it is too much")
    with capture_logs() as lines:
        complaint.happened()
        await trio.sleep(2 * limits.complaint_seconds)
        complaint.happened()
    assert [line["times"] for line in lines] == [1, 1]
