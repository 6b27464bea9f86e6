"""Names, ports and commands of a dev cluster."""

import dataclasses
import stat
from pathlib import Path

import pytest

from mys3d.cli.dev_plan import DevPlan, plan_nodes, read_dev_file, ready_facts, write_whole
from mys3d.cli.failure import Exit, Failure


def test_each_node_listens_ten_ports_higher(tmp_path: Path) -> None:
    nodes = plan_nodes(tmp_path, 9000, 3)
    assert [str(node.s3) for node in nodes] == ["127.0.0.1:9000", "127.0.0.1:9010", "127.0.0.1:9020"]
    assert (nodes[1].name, str(nodes[1].admin), str(nodes[1].peers)) == ("n2", "127.0.0.1:9011", "127.0.0.1:9012")
    assert nodes[2].log == tmp_path / "n3" / "log"


def test_a_node_is_started_or_joined_by_the_ordinary_words(plan: DevPlan) -> None:
    first, second = plan.nodes[:2]
    assert plan.command(first, None)[2] == "start"
    assert plan.command(second, "MYS1.x")[2:4] == ["join", "MYS1.x"]
    assert "--bucket" in plan.command(first, None)
    assert "--bucket" not in plan.command(second, None)


def test_the_registry_path_gets_the_nodes_name(plan: DevPlan) -> None:
    words = dataclasses.replace(plan, registry=Path("/srv/my.db")).command(plan.nodes[1], None)
    assert words[words.index("--registry") + 1] == "/srv/my.db-n2"
    assert "--registry" not in plan.command(plan.nodes[1], None)


def test_the_environment_of_a_node_has_the_keys_and_nothing_else_of_ours(plan: DevPlan) -> None:
    environment = plan.environment({"PATH": "/bin", "S3_PORT": "1", "MYS3D_ZONE": "z", "DB_BOLT_PATH": "x"})
    assert environment["PATH"] == "/bin"
    assert environment["MYS3D_SECRET_KEY"] == "the-secret-key"
    assert not {"S3_PORT", "MYS3D_ZONE", "DB_BOLT_PATH"} & set(environment)


def test_the_ready_facts_have_the_promised_shape(plan: DevPlan) -> None:
    facts = ready_facts(plan, {"n1": 1, "n2": 2, "n3": 3})
    assert list(facts) == ["access_key", "secret_key", "region", "bucket", "nodes"]
    assert all(list(node) == ["name", "pid", "s3", "admin", "data"] for node in facts["nodes"])
    assert facts["nodes"][0]["s3"].startswith("http://127.0.0.1:")


def test_a_certificate_and_domains_are_those_of_every_node(plan: DevPlan) -> None:
    assert not {"MYS3D_DOMAIN", "MYS3D_CERTIFICATE"} & set(plan.environment({}))
    told = dataclasses.replace(plan, domains=("a.org", "b"), certificate=(Path("/c.pem"), Path("/k.pem")))
    environment = told.environment({})
    assert environment["MYS3D_DOMAIN"] == "a.org,b"
    assert (environment["MYS3D_CERTIFICATE"], environment["MYS3D_CERTIFICATE_KEY"]) == ("/c.pem", "/k.pem")
    assert told.endpoint(told.nodes[0]).startswith("https://127.0.0.1:")


def test_a_file_with_secrets_is_its_owners_alone(tmp_path: Path) -> None:
    write_whole(tmp_path / "f.json", {"a": 1})
    write_whole(tmp_path / "f.json", {"a": 2})
    assert stat.S_IMODE((tmp_path / "f.json").stat().st_mode) == 0o600
    assert (tmp_path / "f.json").read_text() == '{"a": 2}\n'
    assert [entry.name for entry in tmp_path.iterdir()] == ["f.json"]


def test_a_directory_without_a_supervisor_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        read_dev_file(tmp_path)
    assert caught.value.code == Exit.NOT_FOUND
    (tmp_path / "dev.json").write_text("{")
    with pytest.raises(Failure, match="is not what `mys3d dev` writes"):
        read_dev_file(tmp_path)


def test_every_node_is_told_how_bulk_goes(plan: DevPlan) -> None:
    assert plan.environment({})["MYS3D_PEERS_BULK"] == "tls"
    assert dataclasses.replace(plan, peers_bulk="plain").environment({})["MYS3D_PEERS_BULK"] == "plain"
