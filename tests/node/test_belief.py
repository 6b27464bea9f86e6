"""Calls of the admin API that meet a row which does not decode."""

import pytest

from mys3d.consensus.memory import MemoryCluster
from mys3d.errors import Unavailable
from mys3d.model.names import NodeId
from mys3d.node.belief import believing
from mys3d.registry.codec import RowDamaged


async def double(number: int) -> int:
    if number < 0:
        raise RowDamaged(f"row {number}")
    return 2 * number


async def test_a_call_answers_as_before_until_a_row_does_not_decode() -> None:
    registry = MemoryCluster().registry(NodeId("1" * 32))
    call = believing(registry, double)
    assert await call(3) == 6
    assert registry.damage is None
    with pytest.raises(Unavailable, match="row -1"):
        await call(-1)
    assert registry.damage is not None
