"""A join that fails leaves the directory as it was."""

from collections.abc import Callable

import pytest

from mys3d.config import NodeConfig
from mys3d.errors import Unavailable
from mys3d.node.joining import join_cluster

UNREACHABLE = f"MYS1.{'a' * 64}.{'b' * 32}@127.0.0.1:1"


async def test_a_member_that_does_not_answer_is_named(config_of: Callable[..., NodeConfig]) -> None:
    config = config_of()
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        await join_cluster(config, UNREACHABLE)
    assert not (config.data / "identity").exists()


async def test_a_joiner_never_takes_the_registry_of_another(config_of: Callable[..., NodeConfig]) -> None:
    config = config_of()
    config.registry_path.mkdir(parents=True)
    (config.registry_path / "CURRENT").write_text("MANIFEST-000004\n")
    with pytest.raises(Unavailable, match="holds the registry of another node"):
        await join_cluster(config, UNREACHABLE)


async def test_a_directory_of_a_member_does_not_join_again(config_of: Callable[..., NodeConfig]) -> None:
    config = config_of()
    config.data.mkdir()
    (config.data / "identity").write_text("{}")
    with pytest.raises(Unavailable, match="belongs to a node already"):
        await join_cluster(config, UNREACHABLE)
