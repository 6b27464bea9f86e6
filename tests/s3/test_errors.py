"""The error catalogue."""

import pytest
import xmltodict

from mys3d.errors import Reason, S3Error
from mys3d.s3 import errors


@pytest.mark.parametrize("reason", list(Reason))
def test_every_refusal_by_the_rules_has_an_answer(reason: Reason) -> None:
    assert errors.code_of(reason) in errors.CATALOGUE


@pytest.mark.parametrize("code", sorted(errors.CATALOGUE))
def test_every_code_has_a_status_of_an_error_and_words(code: str) -> None:
    assert 400 <= errors.CATALOGUE[code].status < 600
    assert errors.CATALOGUE[code].message


def test_an_error_is_told_as_s3_tells_it() -> None:
    document = errors.render(S3Error("NoSuchKey", Key="a<b"), "/bucket/a%3Cb", "0123456789ABCDEF", "node")
    assert document.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    assert xmltodict.parse(document) == {
        "Error": {
            "Code": "NoSuchKey",
            "Message": "The specified key does not exist.",
            "Key": "a<b",
            "Resource": "/bucket/a%3Cb",
            "RequestId": "0123456789ABCDEF",
            "HostId": "node",
        }
    }


def test_a_message_of_its_own_comes_first() -> None:
    assert b"<Message>because</Message>" in errors.render(S3Error("InvalidRequest", "because"), "/", "1", "h")


def test_a_field_that_xml_cannot_hold_is_left_out() -> None:
    document = errors.render(S3Error("NoSuchKey", Key="a\x01b"), "/bucket/a%01b", "1", "h")
    assert "Key" not in xmltodict.parse(document)["Error"]


def test_a_code_has_its_status() -> None:
    assert errors.status_of(S3Error("NoSuchBucket")) == 404
    assert errors.status_of(S3Error("InvalidRange")) == 416
