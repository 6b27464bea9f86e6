"""Version ids as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mys3d.errors import S3Error
from mys3d.model.names import NULL_VERSION
from mys3d.s3 import version_ids

indexes = st.integers(1, 2**63 - 1)


@given(indexes)
def test_an_id_is_read_back_and_needs_no_escaping(index):
    text = version_ids.text_of(index)
    assert len(text) == 32
    assert text.replace("-", "").replace("_", "").isalnum()
    assert text[0].isalpha(), "a command line takes it for no option"
    assert version_ids.parse(text) == index


def test_the_bytes_of_an_id_are_fixed():
    assert version_ids.text_of(7) == FIXED


FIXED = "bQAAAAAAAAAHFR8AD0yEHnIL82bWtTJ_"


def test_the_null_version_has_a_name():
    assert version_ids.text_of(7, is_null=True) == version_ids.text_of(NULL_VERSION) == "null"
    assert version_ids.parse("null") == NULL_VERSION
    assert version_ids.parse(None) is None


@given(indexes, st.integers(0, 31), st.sampled_from("Ab0-_"))
def test_an_id_with_another_character_is_no_id(index, place, other):
    text = version_ids.text_of(index)
    changed = text[:place] + other + text[place + 1 :]
    if changed != text:
        with pytest.raises(S3Error, match="Invalid version id specified"):
            version_ids.parse(changed)


@pytest.mark.parametrize("text", ["1", "Null", "é" * 32, "=" * 32, "b" * 31, "b" * 33, "b" * 5000, "+/" * 16])
def test_what_no_node_wrote_is_refused(text):
    with pytest.raises(S3Error, match="Invalid version id specified"):
        version_ids.parse(text)


def test_the_index_zero_is_no_id():
    raw = version_ids._FORM + bytes(8) + version_ids._check(bytes(8))
    with pytest.raises(S3Error, match="Invalid version id"):
        version_ids.parse(version_ids.base64.urlsafe_b64encode(raw).decode())


def test_an_empty_id_is_refused_in_its_own_words():
    with pytest.raises(S3Error, match="cannot be the empty string"):
        version_ids.parse("")
