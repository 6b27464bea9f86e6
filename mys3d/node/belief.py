"""What a node answers when its own rows make no sense.        Floor: composition root. Called by: life.

Law: a row that does not decode is no answer and no error of whoever asked: the node stands down, and says so.
"""

from collections.abc import Awaitable, Callable
from typing import ParamSpec

from mys3d.ports import Registry
from mys3d.registry.codec import RowDamaged

P = ParamSpec("P")


def believing(registry: Registry, call: Callable[P, Awaitable[object]]) -> Callable[P, Awaitable[object]]:
    """The same call; it raises Unavailable where a row did not decode."""

    async def asked(*words: P.args, **named: P.kwargs) -> object:
        try:
            return await call(*words, **named)
        except RowDamaged as error:
            raise registry.distrust(error) from error

    return asked
