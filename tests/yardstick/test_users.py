"""What the suite is told of its users."""

import configparser
from collections.abc import Mapping
from typing import Any

from tests.yardstick.users import SECTIONS, configuration, create_users


def test_six_users_are_made_and_told_with_all_sections() -> None:
    asked: list[tuple[str, Mapping[str, str]]] = []

    def ask(action: str, what: Mapping[str, str]) -> Any:
        asked.append((action, what))
        number = len(asked)
        return {"id": f"id{number}"} if action == "user-create" else {"access_key": f"K{number}", "secret_key": "%s"}

    parser = configparser.RawConfigParser()
    parser.read_string(configuration("127.0.0.1", 7, create_users(ask)))
    assert len(asked) == 12
    assert set(parser.sections()) == {*SECTIONS, "fixtures"}
    assert (parser.defaults()["host"], parser.defaults()["port"]) == ("127.0.0.1", "7")
    for section in SECTIONS:
        assert {"user_id", "email", "access_key", "secret_key"} <= parser[section].keys()
    assert parser["s3 alt"]["access_key"] == "K4"
    assert parser["s3 alt"]["secret_key"] == "%s"
    assert parser["s3 tenant"]["tenant"] == "testx"
    assert "{random}" in parser["fixtures"]["bucket prefix"]
    # Each further class makes the suite repeat its tests of encryption and lifecycle: they would count many times.
    assert "storage_classes" not in parser["s3 main"]
