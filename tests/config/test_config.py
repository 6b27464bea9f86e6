"""The door of the room."""

import mys3d.config


def test_every_promised_name_is_there() -> None:
    assert all(hasattr(mys3d.config, name) for name in mys3d.config.__all__)
