"""Checksums as S3 names, sends and compares them."""

import base64

import pytest

from mys3d.errors import S3Error
from mys3d.model.objects import Checksum
from mys3d.s3 import checksums
from mys3d.s3.checksums import ALGORITHMS, Expected

NO_TRAILERS: frozenset[str] = frozenset()
CRC32 = {"x-amz-checksum-crc32": "NhCmhg=="}


def refusal(headers: dict[str, str], trailers: frozenset[str] = NO_TRAILERS) -> str:
    with pytest.raises(S3Error) as refused:
        checksums.expected(headers, trailers)
    return refused.value.code


@pytest.mark.parametrize("name", list(ALGORITHMS))
def test_a_checksum_header_is_expected(name: str) -> None:
    algorithm = ALGORITHMS[name]
    value = bytes(range(algorithm.size))
    headers = {algorithm.header: base64.b64encode(value).decode(), "x-amz-sdk-checksum-algorithm": name}
    assert checksums.expected(headers, NO_TRAILERS) == Expected(algorithm, value)


def test_every_algorithm_of_the_model_is_known() -> None:
    import botocore.session

    model = botocore.session.get_session().get_service_model("s3").shape_for("ChecksumAlgorithm")
    assert set(model.enum) == set(ALGORITHMS)


def test_a_trailer_is_expected_without_its_value() -> None:
    assert checksums.expected({}, frozenset(CRC32)) == Expected(ALGORITHMS["CRC32"], None)


def test_a_header_wins_over_a_trailer() -> None:
    found = checksums.expected(CRC32, frozenset({"x-amz-checksum-sha1"}))
    assert found is not None
    assert found.algorithm.name == "CRC32"


def test_nothing_is_expected_of_a_request_that_promises_nothing() -> None:
    assert checksums.expected({"content-md5": "x"}, NO_TRAILERS) is None


def test_an_algorithm_may_be_asked_for_without_a_value() -> None:
    assert checksums.expected({"x-amz-checksum-algorithm": "sha256"}, NO_TRAILERS) == Expected(
        ALGORITHMS["SHA256"], None
    )


@pytest.mark.parametrize("value", ["", "=", "NhCmhg", "NhCmhg==x", "AAAA", "AAAAAAAA", "é", "NhCm hg=="])
def test_a_value_that_is_no_checksum_is_refused(value: str) -> None:
    assert refusal({"x-amz-checksum-crc32": value}) == "BadDigest"


def test_two_checksums_are_refused() -> None:
    assert refusal({**CRC32, "x-amz-checksum-sha1": "x"}) == "InvalidRequest"


def test_an_announced_algorithm_must_come() -> None:
    assert refusal({"x-amz-sdk-checksum-algorithm": "CRC32"}) == "InvalidRequest"
    assert refusal({**CRC32, "x-amz-sdk-checksum-algorithm": "SHA1"}) == "InvalidRequest"
    assert refusal({"x-amz-checksum-algorithm": "CRC99"}) == "InvalidRequest"


def test_content_md5_has_sixteen_bytes() -> None:
    assert checksums.decode_md5("XUFAKrxLKna5cZ2REBfFkg==") == bytes.fromhex("5d41402abc4b2a76b9719d911017c592")
    for text in ("", "x", "AAAA", "XUFAKrxLKna5cZ2REBfFkg"):
        with pytest.raises(S3Error) as refused:
            checksums.decode_md5(text)
        assert refused.value.code == "InvalidDigest"


def test_another_value_is_a_bad_digest() -> None:
    checksums.verify("CRC32", b"same", b"same")
    with pytest.raises(S3Error) as refused:
        checksums.verify("CRC32", b"same", b"else")
    assert refused.value.code == "BadDigest"


def test_a_stored_checksum_is_told_by_two_headers() -> None:
    assert checksums.headers_of(Checksum("CRC32", bytes.fromhex("3610a686"))) == [
        ("x-amz-checksum-crc32", "NhCmhg=="),
        ("x-amz-checksum-type", "FULL_OBJECT"),
    ]


@pytest.mark.parametrize(
    ("name", "kinds"),
    [(name, ["COMPOSITE", "FULL_OBJECT"]) for name in ("CRC32", "CRC32C")]
    + [("CRC64NVME", ["FULL_OBJECT"])]
    + [(name, ["COMPOSITE"]) for name in ("SHA1", "SHA256", "SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128")],
)
def test_an_upload_in_parts_has_the_kinds_of_checksum_that_its_algorithm_allows(name: str, kinds: list[str]) -> None:
    algorithm = ALGORITHMS[name]
    assert checksums.kind_of(algorithm, None) == kinds[0]
    for kind in ("COMPOSITE", "FULL_OBJECT"):
        if kind in kinds:
            assert checksums.kind_of(algorithm, kind.lower()) == kind
            continue
        with pytest.raises(S3Error, match=f"The {kind} checksum type cannot be used with the {name.lower()}"):
            checksums.kind_of(algorithm, kind)


def test_without_an_algorithm_there_is_the_default_and_no_choice() -> None:
    assert checksums.kind_of(None, None) == "FULL_OBJECT"
    for algorithm, kind in ((None, "FULL_OBJECT"), (ALGORITHMS["CRC32"], "HALF_OBJECT")):
        with pytest.raises(S3Error) as refused:
            checksums.kind_of(algorithm, kind)
        assert refused.value.code == "InvalidRequest"


def test_a_composite_checksum_tells_how_many_parts_it_has() -> None:
    composite = Checksum("SHA1", bytes(20), is_composite=True, parts_count=3)
    assert checksums.headers_of(composite) == [
        ("x-amz-checksum-sha1", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=-3"),
        ("x-amz-checksum-type", "COMPOSITE"),
    ]
    assert checksums.headers_of(Checksum("CRC32", bytes(4)), "COMPOSITE")[1] == ("x-amz-checksum-type", "COMPOSITE")
    assert checksums.element_of(composite) == ("ChecksumSHA1", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=-3")
