"""The table of settings is sound, and the example file says what it says."""

import re
import tomllib
from pathlib import Path
from typing import Any

from mys3d.config.settings import BY_ANCESTOR, BY_PATH, BY_VARIABLE, SETTINGS, TABLES, is_placeholder

ROOT = Path(__file__).resolve().parents[2]


def test_every_name_is_given_once() -> None:
    assert len(BY_PATH) == len(BY_VARIABLE) == len(SETTINGS)


def test_the_six_names_of_the_ancestor_are_known() -> None:
    assert set(BY_ANCESTOR) == {"S3_ENDPOINT", "S3_PORT", "S3_ACCESSKEY", "S3_SECRETKEY", "S3_BUCKET", "DB_BOLT_PATH"}


def test_a_setting_has_one_spelling_per_source() -> None:
    setting = BY_PATH["s3.access_key"]
    assert (setting.flag, setting.variable) == ("--access-key", "MYS3D_ACCESS_KEY")
    assert TABLES == ("node", "s3", "admin", "peers", "cluster", "registry", "log")


def test_placeholders_are_known_in_any_case_and_in_angle_brackets() -> None:
    assert is_placeholder("your-S3-accesskey")
    assert is_placeholder(" <your access key> ")
    assert not is_placeholder("MYKEY")


def example() -> str:
    return (ROOT / "cluster.example.toml").read_text()


def uncommented() -> str:
    return re.sub(r"^#(?=[a-z_]+ = )", "", example(), flags=re.MULTILINE)


def test_the_example_file_loads_as_it_is_and_changes_nothing(config: Any) -> None:
    assert config(toml=example()) == config()


def test_the_example_file_loads_with_every_line_uncommented(config: Any) -> None:
    found = config(toml=uncommented())
    assert (found.capacity_bytes, found.access_key, found.bucket) == (2 * 10**12, "ROOTKEY", "demo")


def test_the_example_file_has_every_key_once_and_no_other() -> None:
    document = tomllib.loads(uncommented())
    written = [f"{table}.{key}" for table, content in document.items() for key in content]
    assert sorted(written) == sorted(BY_PATH)


def test_the_values_of_the_example_file_are_the_defaults(config: Any) -> None:
    found, default = config(toml=uncommented()), config()
    for name in ("data", "registry_path", "zone", "s3_bind", "admin_bind", "peers_bind", "region", "log_level"):
        assert getattr(found, name) == getattr(default, name), name


def test_the_example_environment_has_the_ancestors_names_and_loads(config: Any) -> None:
    text = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^#([A-Z0-9_]+)=", text, flags=re.MULTILINE)) == set(BY_ANCESTOR)
    assert config(dotenv=re.sub(r"^#(?=[A-Z0-9_]+=)", "", text, flags=re.MULTILINE)).s3_bind.port == 9000
