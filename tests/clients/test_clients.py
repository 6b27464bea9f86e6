"""Clients in daily use, unchanged, against a cluster of three processes: `make clients`, or CLIENTS=boto3,rclone."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from tests.clients import programs
from tests.clients.cache import NotInstallable, node_with, python_with
from tests.clients.place import Place
from tests.clients.steps import SCRIPTS, Step, Steps, scripted

pytestmark = pytest.mark.campaign


def _python(script: str, *requirements: str) -> Steps:
    def take(place: Place) -> tuple[str, list[Step]]:
        return scripted([str(python_with(*requirements)), str(SCRIPTS / script)], place)

    return take


def _javascript(place: Place) -> tuple[str, list[Step]]:
    home = node_with("@aws-sdk/client-s3@3.1169.0", "@aws-sdk/lib-storage@3.1169.0")
    return scripted(["node", str(SCRIPTS / "with_js.mjs")], place, home)


CLIENTS: dict[str, Steps] = {
    "boto3": _python("with_boto3.py", "boto3==1.44.5"),
    "boto3 before the checksums of 2025": _python("with_boto3.py", "boto3==1.35.99"),
    "aws cli": programs.aws,
    "s3fs": _python("with_s3fs.py", "s3fs==2026.9.0"),
    "minio-py": _python("with_minio.py", "minio==7.2.20"),
    "rclone": programs.rclone,
    "pyarrow": _python("with_pyarrow.py", "pyarrow==26.0.1"),
    "obstore": _python("with_obstore.py", "obstore==0.12.1"),
    "aws-sdk-js": _javascript,
    "restic": programs.restic,
    "s3cmd": programs.s3cmd,
}
CHOSEN = [name for name in os.environ.get("CLIENTS", "").split(",") if name] or list(CLIENTS)
WITHOUT_CREATE: Sequence[str] = ("obstore",)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("client", CHOSEN)
def test_a_client_does_its_everyday_work(
    client: str, scheme: str, make_place: Callable[[str], Place], create_bucket: Callable[[Place], None], rows: Any
) -> None:
    place = make_place(scheme)
    if client in WITHOUT_CREATE:
        create_bucket(place)
    try:
        version, steps = partial(CLIENTS[client])(place)
    except NotInstallable as error:
        rows.append((client, "", scheme, [], str(error)))
        pytest.skip(str(error))
    rows.append((client, version, scheme, steps, ""))
    faults = [f"{step.name}: {step.fault}" for step in steps if step.fault]
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)
