"""Nodes of one test, on free ports of loopback."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from mys3d.config import Address, BlobsFolder, NodeConfig
from tests.free_ports import free_port_run


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A node says where its log goes and from what level on: for all of its process, so for later tests as well."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def config_of(tmp_path: Path) -> Callable[..., NodeConfig]:
    """Build the configuration of a node whose directory is named."""

    def build(name: str = "n1", **changes: object) -> NodeConfig:
        first = free_port_run(1)
        s3, admin, peers = (Address("127.0.0.1", first + offset) for offset in range(3))
        values: dict[str, object] = {
            "data": tmp_path / name,
            "registry_path": tmp_path / name / "registry",
            "blobs": (BlobsFolder(tmp_path / name / "blobs", None),),
            "s3_bind": s3,
            "admin_bind": admin,
            "peers_bind": peers,
            "advertise_host": "127.0.0.1",
            "endpoint": f"http://{s3}",
            "name": name,
            "zone": "default",
            "capacity_bytes": None,
            "region": "us-east-1",
            "access_key": "ROOTKEY",
            "secret_key": "root-secret-key",
            "bucket": None,
            "log_level": "error",
        }
        return NodeConfig(**(values | changes))  # type: ignore[arg-type]  # values of a test, checked by the record's users

    return build
