"""Builders of the configuration room: a configuration from texts, and the problems of one that is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mys3d.config import ConfigurationInvalid, NodeConfig, Problem, Sources, load_config


def config_of(
    *, flags: dict[str, object] | None = None, environ: dict[str, str] | None = None, **texts: Any
) -> NodeConfig:
    machine: dict[str, Any] = {"directory": Path("/work-here"), "host_name": "box.example", "host_address": "10.0.0.7"}
    return load_config(flags or {}, Sources(environ or {}, **machine, **texts))


def problems_of(**texts: Any) -> list[Problem]:
    with pytest.raises(ConfigurationInvalid) as caught:
        config_of(**texts)
    return list(caught.value.problems)


@pytest.fixture
def config() -> Callable[..., NodeConfig]:
    return config_of


@pytest.fixture
def problems() -> Callable[..., list[Problem]]:
    return problems_of
