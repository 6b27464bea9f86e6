"""Continuation tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mys3d.errors import S3Error
from mys3d.s3 import tokens


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_token_means_what_it_was_made_of(after: str) -> None:
    token = tokens.write(after)
    assert tokens.read(token) == after
    assert token.replace("-", "").replace("_", "").isalnum()
    assert token.isascii()


def test_no_token_means_from_the_start() -> None:
    assert tokens.read(None) == tokens.read("") == ""


@pytest.mark.parametrize("token", ["x", "made up", "é", "AAAA", "Mf8="])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(S3Error) as refused:
        tokens.read(token)
    assert refused.value.code == "InvalidArgument"
