"""The three checks, on both ports."""

from typing import Any

import pytest

from mys3d.web.health import Health, Verdict

GET = b"GET /_mys3d/health/%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("door", ["s3_port", "admin_port"])
@pytest.mark.parametrize("check", [b"live", b"ready", b"cluster"])
async def test_a_well_node_says_so_on_both_ports(open_house: Any, check: bytes, door: str) -> None:
    house = await open_house()
    answer = await house.talk(GET % check, getattr(house, door))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b'{"status":"ok","reasons":[]}')


async def test_a_failed_check_names_its_reasons_and_no_other_check_fails(open_house: Any) -> None:
    async def well() -> Verdict:
        return Verdict(True)

    async def ill() -> Verdict:
        return Verdict(False, ("no leader is known",))

    house = await open_house(health=Health(live=well, ready=ill, cluster=well))
    answer = await house.talk(GET % b"ready")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert answer.endswith(b'{"status":"unavailable","reasons":["no leader is known"]}')
    assert (await house.talk(GET % b"cluster")).startswith(b"HTTP/1.1 200 ")
