"""A cluster of three processes over http and one over https, and the table of what came of every step."""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from tests.clients.place import Place
from tests.clients.steps import Step
from tests.free_ports import free_port_run
from tests.system.conftest import DevCluster, start_dev
from tests.web.certificates import write_pair

Rows = list[tuple[str, str, str, list[Step], str]]  # client, version, scheme, steps, why it was skipped


@pytest.fixture(scope="session")
def rows(pytestconfig: pytest.Config) -> Iterator[Rows]:
    """What came of every client; shown at the end."""
    found: Rows = []
    yield found
    print("\n\n" + table(found))


def table(rows: Rows) -> str:
    lines = ["| client | version | over | step | what came of it |", "|---|---|---|---|---|"]
    for client, version, scheme, steps, reason in rows:
        if reason:
            lines.append(f"| {client} | | {scheme} | | skipped: {reason} |")
        told = [(step.name, " ".join(step.fault.split()) or "ok") for step in steps]
        lines += [f"| {client} | {version} | {scheme} | {name} | {what} |" for name, what in told]
    return "\n".join(lines)


@pytest.fixture(scope="session")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], tuple[DevCluster, Path | None]]]:
    """Return the cluster of a scheme, started when it is first asked for, and the certificate to trust."""
    running: dict[str, tuple[DevCluster, Path | None]] = {}

    def cluster(scheme: str) -> tuple[DevCluster, Path | None]:
        if scheme not in running:
            folder = tmp_path_factory.mktemp(scheme)
            chain, key = folder / "chain.pem", folder / "key.pem"
            settings, trusted = {}, None
            if scheme == "https":
                trusted = write_pair(chain, key)
                settings = {"MYS3D_CERTIFICATE": str(chain), "MYS3D_CERTIFICATE_KEY": str(key)}
            found = start_dev(folder / "data", free_port_run(), **settings)
            running[scheme] = found, trusted
        return running[scheme]

    yield cluster
    for found, _ in running.values():
        found.stop()


@pytest.fixture
def make_place(
    clusters: Callable[[str], tuple[DevCluster, Path | None]], tmp_path: Path
) -> Iterator[Callable[[str], Place]]:
    """Return a place of its own for one client."""

    def place(scheme: str) -> Place:
        cluster, trusted = clusters(scheme)
        node = random.SystemRandom().choice(cluster.names)  # any node answers any request
        name = f"c-{random.SystemRandom().getrandbits(64):016x}"
        folder = tmp_path / "folder"
        folder.mkdir()
        facts = cluster.facts
        return Place(cluster.node(node)["s3"], facts["access_key"], facts["secret_key"], trusted, name, folder)

    yield place
    shutil.rmtree(tmp_path / "folder", ignore_errors=True)


@pytest.fixture
def create_bucket() -> Callable[[Place], None]:
    """For clients that make none."""

    def create(place: Place) -> None:
        client = boto3.client(
            "s3",
            endpoint_url=place.endpoint,
            aws_access_key_id=place.access_key,
            aws_secret_access_key=place.secret_key,
            region_name="us-east-1",
            verify=None if place.trusted is None else str(place.trusted),
        )
        client.create_bucket(Bucket=place.bucket)
        client.close()

    return create
