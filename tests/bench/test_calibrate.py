"""The ceiling of the generator."""

import subprocess
import sys
from typing import Any

import pytest

from mys3d.bench import calibrate
from mys3d.bench.catalogue import KINDS
from mys3d.bench.workload import Load
from mys3d.errors import Unavailable


def test_every_phase_of_a_workload_gets_its_ceiling_from_a_process_of_its_own() -> None:
    with calibrate.null_target() as null:
        workload = KINDS["small_files"].make(null, Load(0, objects=40))
        found = calibrate.ceilings(workload, 2, 0.1)
    assert list(found) == [f"small_files.{name}" for name in ("write", "walk", "read", "remove")]
    assert all(ceiling.ops_per_second > 0 and ceiling.client_us_per_request > 0 for ceiling in found.values())


def test_a_null_server_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    start = subprocess.Popen

    def broken(_: list[str], **options: Any) -> Any:
        return start([sys.executable, "-c", ""], **options)

    monkeypatch.setattr(subprocess, "Popen", broken)
    with pytest.raises(Unavailable, match="did not start"), calibrate.null_target():
        pass
