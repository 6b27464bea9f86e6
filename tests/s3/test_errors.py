"""The error catalogue."""

import pytest
import xmltodict

from mys3d.errors import Reason, S3Error
from mys3d.s3 import errors

# S3 API Reference, "Error responses", by status. A code that is in the catalogue stands here.
BY_STATUS = {
    400: """
        AccessControlListNotSupported
        AuthorizationHeaderMalformed AuthorizationQueryParametersError BadDigest BadRequest EntityTooLarge
        EntityTooSmall ExpiredToken IllegalLocationConstraintException IncompleteBody InvalidArgument
        InvalidBucketAclWithObjectOwnership InvalidBucketName InvalidDigest InvalidEncryptionAlgorithmError
        InvalidLocationConstraint InvalidPart InvalidPartOrder InvalidPolicyDocument InvalidRequest
        InvalidRetentionPeriod InvalidStorageClass InvalidTag InvalidToken InvalidURI InvalidWriteOffset
        KeyTooLongError MalformedACLError MalformedPOSTRequest MalformedPolicy MalformedTrailerError
        MalformedXML MaxMessageLengthExceeded MaxPostPreDataLengthExceededError MetadataTooLarge
        MissingRequestBodyError MissingSecurityHeader RequestTimeout UnexpectedContent UnresolvableGrantByEmailAddress
        XAmzContentSHA256Mismatch
    """,
    403: """
        AccessDenied AccessForbidden InvalidAccessKeyId InvalidObjectState QuotaExceeded RequestTimeTooSkewed
        SignatureDoesNotMatch
    """,
    404: """
        NoSuchBucket NoSuchBucketPolicy NoSuchCORSConfiguration NoSuchKey NoSuchLifecycleConfiguration
        NoSuchObjectLockConfiguration NoSuchPublicAccessBlockConfiguration NoSuchTagSet NoSuchUpload
        NoSuchVersion NoSuchWebsiteConfiguration ObjectLockConfigurationNotFoundError
        OwnershipControlsNotFoundError ReplicationConfigurationNotFoundError
        ServerSideEncryptionConfigurationNotFoundError
    """,
    405: "MethodNotAllowed",
    409: """
        BucketAlreadyExists BucketAlreadyOwnedByYou BucketNotEmpty ConditionalRequestConflict
        InvalidBucketState OperationAborted
    """,
    411: "MissingContentLength",
    412: "PreconditionFailed",
    416: "InvalidRange",
    500: "InternalError",
    501: "NotImplemented",
    503: "ServiceUnavailable SlowDown",
}
STATUSES = {code: status for status, codes in BY_STATUS.items() for code in codes.split()}


@pytest.mark.parametrize("code", sorted(errors.CATALOGUE))
def test_a_code_has_the_status_that_s3_gives_it(code: str) -> None:
    assert errors.CATALOGUE[code].status == STATUSES[code]


@pytest.mark.parametrize("reason", list(Reason))
def test_every_refusal_by_the_rules_has_an_answer(reason: Reason) -> None:
    assert errors.code_of(reason) in errors.CATALOGUE


@pytest.mark.parametrize("code", sorted(errors.CATALOGUE))
def test_every_code_has_words(code: str) -> None:
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
