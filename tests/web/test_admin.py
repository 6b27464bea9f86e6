"""The admin API: nothing without the token, and errors as JSON."""

import json
from typing import Any

import msgspec
import pytest
from blake3 import blake3

from mys3d.errors import OutcomeUnknown, Reason, Rejected, Unavailable
from mys3d.web.admin import Action, AdminCalls, admin_token


async def ask(house: Any, method: str, path: str, authorization: str | None) -> tuple[int, Any]:
    line = f"Authorization: {authorization}\r\n" if authorization is not None else ""
    head = f"{method} /_mys3d/api/v1/{path} HTTP/1.1\r\nHost: x\r\n{line}Connection: close\r\n\r\n"
    answer = await house.talk(head.encode("latin-1"), house.admin_port)
    return int(answer[9:12]), json.loads(answer.split(b"\r\n\r\n", 1)[1])


async def test_status_and_token_are_answered_to_the_bearer(open_house: Any, token: str) -> None:
    house = await open_house()
    assert await ask(house, "GET", "status", f"Bearer {token}") == (200, {"format": 1})
    assert await ask(house, "POST", "token", f"Bearer {token}") == (200, {"token": "MYS1.x", "expires_at": 1})


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    number: int = 0


async def test_an_action_is_asked_with_a_json_object_of_its_own_kind(open_house: Any, token: str) -> None:
    async def double(asked: Asked) -> object:
        return {"twice": 2 * asked.number}

    house = await open_house(calls=AdminCalls(double, double, {"double": Action(Asked, double)}))

    async def post(path: str, body: bytes) -> tuple[int, Any]:
        head = f"POST /_mys3d/api/v1/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        head += f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        answer = await house.talk(head.encode() + body, house.admin_port)
        return int(answer[9:12]), json.loads(answer.split(b"\r\n\r\n", 1)[1])

    assert await post("double", b'{"number": 21}') == (200, {"twice": 42})
    assert await post("double", b"") == (200, {"twice": 0})
    assert (await post("triple", b""))[0] == 404
    for wrong in (b'{"number": "x"}', b'{"nummer": 1}', b"[", b"\xff"):
        assert (await post("double", wrong))[0] == 400


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer ", "Bearer " + "b" * 64, "bearer " + "a" * 64, "\xff"])
async def test_nothing_is_answered_without_the_right_token(open_house: Any, given: str | None) -> None:
    house = await open_house()
    for method, path in (("GET", "status"), ("POST", "token")):
        status, body = await ask(house, method, path, given)
        assert status == 401
        assert set(body) == {"error"}


async def test_a_token_is_not_made_by_reading(open_house: Any, token: str) -> None:
    house = await open_house()
    head = f"GET /_mys3d/api/v1/token HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    assert (await house.talk(head.encode(), house.admin_port)).startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize(("error", "status"), [
    (Rejected(Reason.TOKEN_INVALID), 409),
    (Unavailable("no leader is known"), 503),
    (OutcomeUnknown(bytes(16)), 503),
    (ZeroDivisionError(), 500),
])  # fmt: skip
async def test_an_error_is_told_by_its_kind(open_house: Any, token: str, error: Exception, status: int) -> None:
    async def fail() -> object:
        raise error

    house = await open_house(calls=AdminCalls(fail, fail))
    head = (
        f"GET /_mys3d/api/v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    )
    answer = await house.talk(head.encode(), house.admin_port)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert await house.is_answering()


def test_the_token_is_derived_from_the_cluster_key() -> None:
    expected = blake3(b"k" * 32, derive_key_context="mys3d admin").hexdigest()
    assert admin_token(b"k" * 32) == expected
    assert admin_token(b"l" * 32) != expected
