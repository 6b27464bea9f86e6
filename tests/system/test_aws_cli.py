"""aws cli as a user types it."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# sync uploads again what is newer than the whole second that a listing tells, as it does with AWS.
A_WHILE_AGO = time.time() - 3600


def aws(cluster: Any, *words: str) -> str:
    program = Path(sys.executable).with_name("aws")
    done = subprocess.run(
        [sys.executable, str(program), *words],
        env=cluster.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"aws {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


def test_a_file_goes_in_and_comes_back(shared_cluster: Any, tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(os.urandom(6 << 20))
    aws(shared_cluster, "s3", "mb", "s3://cli-copy")
    aws(shared_cluster, "s3", "cp", str(source), "s3://cli-copy/dir/source.bin")
    assert "source.bin" in aws(shared_cluster, "s3", "ls", "s3://cli-copy/dir/")
    aws(shared_cluster, "s3", "cp", "s3://cli-copy/dir/source.bin", str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == source.read_bytes()
    aws(shared_cluster, "s3", "rm", "s3://cli-copy/dir/source.bin")
    aws(shared_cluster, "s3", "rb", "s3://cli-copy")


def test_a_folder_is_synchronised(shared_cluster: Any, tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    for number in range(12):
        path = folder / f"d{number % 3}" / f"file {number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content {number}")
        os.utime(path, (A_WHILE_AGO, A_WHILE_AGO))
    aws(shared_cluster, "s3", "mb", "s3://cli-sync")
    aws(shared_cluster, "s3", "sync", str(folder), "s3://cli-sync/tree/")
    assert aws(shared_cluster, "s3", "sync", str(folder), "s3://cli-sync/tree/") == ""
    aws(shared_cluster, "s3", "sync", "s3://cli-sync/tree/", str(tmp_path / "back"))
    for number in range(12):
        relative = Path(f"d{number % 3}") / f"file {number}.txt"
        assert (tmp_path / "back" / relative).read_text() == f"content {number}"
    aws(shared_cluster, "s3", "rm", "--recursive", "s3://cli-sync/")
    aws(shared_cluster, "s3api", "delete-bucket", "--bucket", "cli-sync")
