"""Precedence, defaults, and every problem at once."""

from pathlib import Path
from typing import Any

import pytest

from mys3d.config import Address, ConfigurationInvalid, Problem, Sources, load_config


def test_without_any_source_every_default_is_chosen(config: Any) -> None:
    found = config()
    assert found.data == Path("/work-here/mys3d-data")
    assert found.registry_path == Path("/work-here/mys3d-data/registry")
    assert (found.s3_bind, found.admin_bind, found.peers_bind) == (
        Address("0.0.0.0", 9000),
        Address("0.0.0.0", 9001),
        Address("0.0.0.0", 9002),
    )
    assert found.advertise_host == "10.0.0.7"
    assert found.endpoint == "http://10.0.0.7:9000"
    assert (found.name, found.zone, found.region, found.log_level) == ("box", "default", "us-east-1", "info")
    assert (found.capacity_bytes, found.access_key, found.secret_key, found.bucket) == (None, None, None, None)


def test_defaults_are_told_by_the_name_that_changes_them(config: Any) -> None:
    notes = config().notes
    assert "S3_PORT is not set, port is 9000" in notes
    assert "MYS3D_ZONE is not set, zone is default" in notes
    assert "DB_BOLT_PATH is not set, registry is /work-here/mys3d-data/registry" in notes
    assert any(note.startswith("S3_ACCESSKEY and S3_SECRETKEY are not set") for note in notes)
    assert not [note for note in config(environ={"S3_PORT": "9100"}).notes if note.startswith("S3_PORT")]


def test_sources_win_in_the_documented_order(config: Any) -> None:
    layers: dict[str, Any] = {"toml": "[s3]\nport = 1001\n"}
    assert config(**layers).s3_bind.port == 1001
    layers["dotenv"] = "S3_PORT= 1002\n"
    assert config(**layers).s3_bind.port == 1002
    layers["environ"] = {"S3_PORT": "1003"}
    assert config(**layers).s3_bind.port == 1003
    layers["dotenv"] += "MYS3D_PORT=1004\n"
    assert config(**layers).s3_bind.port == 1004
    layers["environ"] = layers["environ"] | {"MYS3D_PORT": "1005"}
    assert config(**layers).s3_bind.port == 1005
    layers["flags"] = {"port": 1006}
    assert config(**layers).s3_bind.port == 1006


def test_a_flag_that_was_not_given_decides_nothing(config: Any) -> None:
    assert config(flags={"port": None}, environ={"S3_PORT": "9100"}).s3_bind.port == 9100


def test_the_ancestors_names_are_all_read(config: Any) -> None:
    found = config(
        environ={
            "S3_ENDPOINT": "s3.home:9000",
            "S3_PORT": "9000",
            "S3_ACCESSKEY": "ANCESTOR",
            "S3_SECRETKEY": "ancestor-secret",
            "S3_BUCKET": "photos",
            "DB_BOLT_PATH": "my.db",
        }
    )
    assert found.endpoint == "http://s3.home:9000"
    assert (found.access_key, found.secret_key, found.bucket) == ("ANCESTOR", "ancestor-secret", "photos")
    assert found.registry_path == Path("/work-here/my.db")


def test_the_other_ports_follow_the_first_unless_they_are_set(config: Any) -> None:
    assert config(flags={"port": 9010}).peers_bind.port == 9012
    assert config(flags={"port": 9010}, toml="[peers]\nport = 7000\n").peers_bind.port == 7000


def test_the_admin_port_can_listen_on_another_address(config: Any) -> None:
    found = config(environ={"MYS3D_ADMIN_BIND": "127.0.0.1"})
    assert (found.admin_bind.host, found.s3_bind.host) == ("127.0.0.1", "0.0.0.0")


def test_a_node_bound_to_one_address_advertises_it(config: Any) -> None:
    assert config(flags={"bind": "127.0.0.1"}).endpoint == "http://127.0.0.1:9000"
    assert config(flags={"bind": "::1"}).endpoint == "http://[::1]:9000"


def test_an_absolute_path_stays_where_it_is(config: Any) -> None:
    found = config(flags={"data": "/srv/s3"})
    assert (found.data, found.registry_path) == (Path("/srv/s3"), Path("/srv/s3/registry"))


def test_all_problems_of_all_sources_are_named_at_once(problems: Any) -> None:
    found = problems(
        flags={"capacity": "2XB"},
        environ={"MYS3D_ZONE": "a b", "MYS3D_REGON": "x"},
        dotenv="S3_PORT=nine\nthis is nothing\n",
        toml='[s3]\nregoin = "eu"\n[node]\nadvertise = 7\n',
    )
    assert [problem.where for problem in found] == [
        ".env:1:1 S3_PORT",
        ".env:2:1",
        "cluster.toml:2:1",
        "cluster.toml:4:1",
        "MYS3D_REGON",
        "MYS3D_ZONE",
        "--capacity",
    ]


def test_the_sentence_says_what_was_expected_and_what_was_found(problems: Any) -> None:
    (problem,) = problems(toml='[s3]\nregion = "us-east-1"\nport = "nine thousand"\n')
    assert str(problem) == (
        'cluster.toml:3:1: s3.port must be a whole number from 1 to 65533, found "nine thousand"\n'
        '    3 | port = "nine thousand"'
    )


def test_a_number_in_text_is_a_number_only_where_everything_is_text(config: Any, problems: Any) -> None:
    assert config(environ={"S3_PORT": "9100"}).s3_bind.port == 9100
    (problem,) = problems(toml='[s3]\nport = "9100"\n')
    assert 'found "9100"' in problem.message


def test_placeholders_of_the_ancestor_are_named_in_one_problem(problems: Any) -> None:
    example = """
S3_ENDPOINT="your-S3-endpoint"
S3_PORT= 9000
S3_ACCESSKEY= "your-S3-accesskey"
S3_SECRETKEY= "your-S3-secretkey"
S3_BUCKET= "your-minio-bucket"
DB_BOLT_PATH=my.db
"""
    (problem,) = problems(dotenv=example)
    for name in ("S3_ENDPOINT", "S3_ACCESSKEY", "S3_SECRETKEY", "S3_BUCKET"):
        assert name in problem.where
    assert "placeholders" in problem.message


def test_a_placeholder_in_the_file_is_named_too(problems: Any) -> None:
    (problem,) = problems(toml='[s3]\naccess_key = "<your key>"\nsecret_key = "changeme"\n')
    assert "cluster.toml:2:1 s3.access_key" in problem.where
    assert "s3.secret_key" in problem.where


def test_a_short_key_or_secret_is_refused_without_printing_the_secret(problems: Any) -> None:
    found = problems(environ={"S3_ACCESSKEY": "ab", "S3_SECRETKEY": "7-chars"})
    assert len(found) == 2
    assert not [problem for problem in found if "7-chars" in str(problem)]
    assert "found 7 characters" in str(found)


def test_a_short_secret_in_the_file_is_not_printed_either(problems: Any) -> None:
    (problem,) = problems(toml='[s3]\naccess_key = "GOOD"\nsecret_key = "7-chars"\n')
    assert "7-chars" not in str(problem)


def test_a_key_without_its_other_half_is_refused(problems: Any) -> None:
    (problem,) = problems(environ={"S3_ACCESSKEY": "LONELY"})
    assert "without its secret key" in problem.message
    (problem,) = problems(environ={"S3_SECRETKEY": "lonely-secret"})
    assert "without its access key" in problem.message


def test_two_services_on_one_port_are_refused(problems: Any) -> None:
    (problem,) = problems(environ={"MYS3D_PEERS_PORT": "9001"})
    assert "9000, 9001 and 9001" in problem.message


def test_a_bucket_is_judged_by_the_rules_of_names() -> None:
    def parse(text: str) -> str:
        raise ValueError("a bucket name has 3 to 63 characters, found 2")

    sources = Sources({"S3_BUCKET": "ab"})
    with pytest.raises(ConfigurationInvalid, match='"ab": a bucket name has 3 to 63 characters, found 2'):
        load_config({}, sources, parse)


def test_what_could_not_be_read_is_a_problem_of_the_configuration(problems: Any) -> None:
    (problem,) = problems(problems=(Problem("here.toml", "there is no such file"),))
    assert problem.where == "here.toml"


def test_blobs_live_in_the_data_directory_unless_directories_are_named(config: Any) -> None:
    where = config().data
    assert config().blobs == ((where / "blobs", None),)
    found = config(environ={"MYS3D_BLOBS": "/mnt/a=1TB,disk"}).blobs
    assert found == ((Path("/mnt/a"), 10**12), (where.parent / "disk", None))


def test_a_certificate_makes_the_endpoint_https(config: Any) -> None:
    found = config(environ={"MYS3D_CERTIFICATE": "c.pem", "MYS3D_CERTIFICATE_KEY": "/k.pem"})
    assert found.certificate == (Path("/work-here/c.pem"), Path("/k.pem"))
    assert found.endpoint == "https://10.0.0.7:9000"
    assert config().certificate is None


def test_a_certificate_without_its_key_is_refused(problems: Any) -> None:
    (problem,) = problems(environ={"MYS3D_CERTIFICATE": "c.pem"})
    assert "without its key" in problem.message
    (problem,) = problems(environ={"MYS3D_CERTIFICATE_KEY": "k.pem"})
    assert "without its certificate" in problem.message


def test_bulk_is_encrypted_unless_it_is_said_otherwise(config: Any, problems: Any) -> None:
    assert config().peers_bulk == "tls"
    assert config(toml='[peers]\nbulk = "plain"\n').peers_bulk == "plain"
    (problem,) = problems(toml='[peers]\nbulk = "none"\n')
    assert 'peers.bulk must be tls or plain, found "none"' in str(problem)
