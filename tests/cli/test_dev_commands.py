"""`mys3d dev` before and around its supervisor."""

import json
import socket
import stat
from pathlib import Path
from typing import Any

from mys3d.cli.dev_commands import plan_of
from mys3d.config import read_credentials


def test_a_new_cluster_has_three_nodes_and_its_own_key(mys3d: Any, tmp_path: Path) -> None:
    plan, _ = plan_of(None, None, None)
    assert plan.data == tmp_path / "mys3d-data"
    assert [node.port for node in plan.nodes] == [9000, 9010, 9020]
    assert (plan.bucket, plan.registry) == ("demo", None)
    assert read_credentials(plan.data / "credentials") == plan.credentials
    assert stat.S_IMODE((plan.data / "credentials").stat().st_mode) == 0o600


def test_a_cluster_keeps_its_key_its_port_and_its_size(mys3d: Any, tmp_path: Path) -> None:
    first, _ = plan_of(None, 4, "9400")
    (first.data / "dev.json").write_text(json.dumps({"nodes": 4, "port": 9400}))
    again, _ = plan_of(None, None, None)
    assert again.credentials == first.credentials
    assert [node.port for node in again.nodes] == [9400, 9410, 9420, 9430]
    assert len(plan_of(None, 2, None)[0].nodes) == 4
    assert plan_of(None, None, "9500")[0].nodes[0].port == 9500


def test_the_ancestors_names_are_heard(mys3d: Any, tmp_path: Path, capsys: Any) -> None:
    names = "S3_PORT= 9300\nS3_ACCESSKEY=ANCESTOR\nS3_SECRETKEY=ancestor-secret\nS3_BUCKET=photos\nDB_BOLT_PATH=my.db\n"
    (tmp_path / ".env").write_text(names)
    plan, _ = plan_of(None, None, None)
    assert (plan.nodes[0].port, plan.bucket, plan.credentials.access_key) == (9300, "photos", "ANCESTOR")
    assert plan.registry == tmp_path / "my.db"
    (tmp_path / ".env").write_text(names.replace("ANCESTOR", "OTHERKEY"))
    assert plan_of(None, None, None)[0].credentials.access_key == "ANCESTOR"
    assert "this cluster was made with key ANCESTOR, which it keeps" in capsys.readouterr().err


def test_a_nodes_own_directory_is_refused(mys3d: Any, tmp_path: Path) -> None:
    (tmp_path / "identity").touch()
    result = mys3d("dev", "--data", tmp_path)
    assert result.exit_code == 7
    assert "is the directory of a node" in result.stderr


def test_a_port_too_high_for_all_nodes_names_the_highest_one(mys3d: Any, tmp_path: Path) -> None:
    result = mys3d("dev", "--data", tmp_path / "d", "--port", 65_530)
    assert result.exit_code == 3
    assert "3 nodes from port 65530 on do not fit below 65536" in result.stderr
    assert "choose one up to 65513" in result.stderr
    assert not (tmp_path / "d").exists()


def test_a_credentials_file_of_somebody_else_is_named(mys3d: Any, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("hello\n")
    result = mys3d("dev", "--data", tmp_path)
    assert result.exit_code == 1
    assert f"{tmp_path / 'credentials'} is not a credentials file" in result.stderr
    assert "-> put the right one there" in result.stderr


def test_a_file_where_the_directory_should_be_is_named(mys3d: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = mys3d("dev", "--data", tmp_path / "file")
    assert result.exit_code == 1
    assert result.stderr.endswith(f"mys3d: File exists ({tmp_path / 'file'})\n")


def test_a_damaged_dev_file_may_be_removed(mys3d: Any, tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_bytes(b"\xa1{")
    result = mys3d("dev", "--data", tmp_path)
    assert result.exit_code == 1
    assert "-> remove that file: the nodes keep their data" in result.stderr


def test_a_taken_port_names_its_node(mys3d: Any, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = mys3d("dev", "--data", tmp_path / "d", "--port", port - 10)
    assert result.exit_code == 1
    assert f"n2's S3 port {port} taken by process" in result.stderr


def test_telling_a_cluster_that_does_not_run_says_how_to_start_it(mys3d: Any, tmp_path: Path) -> None:
    result = mys3d("dev", "kill", "n2", "--data", tmp_path)
    assert result.exit_code == 6
    assert f"-> start one: mys3d dev --data {tmp_path}" in result.stderr
    assert mys3d("dev", "--data", tmp_path, "start", "n2").exit_code == 6
