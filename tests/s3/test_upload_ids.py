"""Ids of uploads on the wire."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mys3d.errors import S3Error
from mys3d.model.names import UploadId
from mys3d.s3 import upload_ids

INDEXES = st.integers(0, 2**63 - 1)
TOKENS = st.binary(min_size=16, max_size=16)


@settings(deadline=None)
@given(INDEXES, TOKENS)
def test_an_id_is_read_back(index: int, token: bytes) -> None:
    text = upload_ids.write(UploadId(index), token)
    assert upload_ids.read(text) == (index, token)
    assert upload_ids.read_marker(text) == index


@settings(deadline=None)
@given(st.tuples(INDEXES, TOKENS), st.tuples(INDEXES, TOKENS))
def test_ids_sort_as_their_uploads_were_begun(first: tuple[int, bytes], second: tuple[int, bytes]) -> None:
    texts = [upload_ids.write(UploadId(index), token) for index, token in sorted((first, second))]
    assert texts == sorted(texts)


@pytest.mark.parametrize("text", ["", "1", "g" * 48, "0" * 47, "0" * 49, "F" * 48, "f" * 48, "0" * 47 + "\n", "../x"])
def test_what_was_never_an_id_is_no_upload(text: str) -> None:
    with pytest.raises(S3Error) as refused:
        upload_ids.read(text)
    assert refused.value.code == "NoSuchUpload"
    with pytest.raises(S3Error) as refused:
        upload_ids.read_marker(text)
    assert refused.value.code == "InvalidArgument"
