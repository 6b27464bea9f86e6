"""The error catalogue: code -> HTTP status and words; and what a refused command means to an S3 client.

Floor: s3 (pure). Called by: operations, web.

Law: HTTP status codes of errors exist only here; every `Reason` of the registry has an answer.
Source: S3 API Reference, "Error responses", list of error codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from mys3d.errors import Reason, S3Error
from mys3d.s3 import xml


@dataclass(frozen=True, slots=True)
class Kind:
    """One entry of the catalogue."""

    status: int
    message: str


CATALOGUE: Final[Mapping[str, Kind]] = {
    "AccessControlListNotSupported": Kind(400, "The bucket does not allow ACLs"),
    "AccessDenied": Kind(403, "Access Denied"),
    "AccessForbidden": Kind(403, "CORSResponse: CORS is not enabled for this bucket."),
    "AuthorizationHeaderMalformed": Kind(400, "The authorization header you provided is invalid."),
    "AuthorizationQueryParametersError": Kind(400, "The authorization query parameters you provided are invalid."),
    "BadDigest": Kind(400, "The Content-MD5 or checksum you specified did not match what we received."),
    "BadRequest": Kind(400, "The request is not well formed."),
    "BucketAlreadyExists": Kind(
        409,
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
        "Please select a different name and try again.",
    ),
    "BucketAlreadyOwnedByYou": Kind(
        409, "Your previous request to create the named bucket succeeded and you already own it."
    ),
    "BucketNotEmpty": Kind(409, "The bucket you tried to delete is not empty."),
    "ConditionalRequestConflict": Kind(
        409, "The conditional request cannot succeed due to a conflicting operation against this resource."
    ),
    "EntityTooLarge": Kind(400, "Your proposed upload exceeds the maximum allowed object size."),
    "EntityTooSmall": Kind(400, "Your proposed upload is smaller than the minimum allowed object size."),
    "ExpiredToken": Kind(400, "The provided token has expired."),
    "IllegalLocationConstraintException": Kind(400, "The specified location constraint is not valid for this request."),
    "IncompleteBody": Kind(400, "The request body terminated unexpectedly."),
    "InternalError": Kind(500, "We encountered an internal error. Please try again."),
    "InvalidAccessKeyId": Kind(403, "The AWS Access Key Id you provided does not exist in our records."),
    "InvalidArgument": Kind(400, "Invalid Argument"),
    "InvalidBucketAclWithObjectOwnership": Kind(
        400, "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
    ),
    "InvalidBucketName": Kind(400, "The specified bucket is not valid."),
    "InvalidDigest": Kind(400, "The Content-MD5 you specified is not valid."),
    "InvalidLocationConstraint": Kind(400, "The specified location-constraint is not valid."),
    "InvalidPart": Kind(
        400,
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified "
        "entity tag may not match the part's entity tag.",
    ),
    "InvalidPartOrder": Kind(
        400, "The list of parts was not in ascending order. The parts list must be specified in order by part number."
    ),
    "InvalidRange": Kind(416, "The requested range is not satisfiable"),
    "InvalidRequest": Kind(400, "Invalid Request"),
    "InvalidStorageClass": Kind(400, "The storage class you specified is not valid"),
    "InvalidTag": Kind(400, "The tag provided was not a valid tag."),
    "InvalidPolicyDocument": Kind(400, "The content of the form does not meet the conditions of the policy document."),
    "InvalidToken": Kind(400, "The provided token is malformed or otherwise invalid."),
    "InvalidURI": Kind(400, "Couldn't parse the specified URI."),
    "KeyTooLongError": Kind(400, "Your key is too long"),
    "MalformedACLError": Kind(
        400, "The XML you provided was not well-formed or did not validate against our published schema"
    ),
    "MalformedPOSTRequest": Kind(400, "The body of your POST request is not well-formed multipart/form-data."),
    "MalformedTrailerError": Kind(
        400, "The request contained trailing data that was not well-formed or did not conform to our published schema."
    ),
    "MalformedXML": Kind(
        400, "The XML you provided was not well-formed or did not validate against our published schema"
    ),
    "MaxMessageLengthExceeded": Kind(400, "Your request was too big."),
    "MaxPostPreDataLengthExceededError": Kind(
        400, "Your POST request fields preceding the upload file were too large."
    ),
    "MetadataTooLarge": Kind(400, "Your metadata headers exceed the maximum allowed metadata size"),
    "MethodNotAllowed": Kind(405, "The specified method is not allowed against this resource."),
    "MissingContentLength": Kind(411, "You must provide the Content-Length HTTP header."),
    "MissingRequestBodyError": Kind(400, "Request body is empty."),
    "MissingSecurityHeader": Kind(400, "Your request was missing a required header"),
    "NoSuchBucket": Kind(404, "The specified bucket does not exist"),
    "NoSuchCORSConfiguration": Kind(404, "The CORS configuration does not exist"),
    "NoSuchKey": Kind(404, "The specified key does not exist."),
    "NoSuchPublicAccessBlockConfiguration": Kind(404, "The public access block configuration was not found"),
    "NoSuchTagSet": Kind(404, "The TagSet does not exist"),
    "NoSuchUpload": Kind(
        404,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed.",
    ),
    "NoSuchVersion": Kind(404, "The specified version does not exist."),
    "NotImplemented": Kind(501, "A header you provided implies functionality that is not implemented"),
    "OperationAborted": Kind(409, "A conflicting conditional operation is currently in progress. Try again."),
    "OwnershipControlsNotFoundError": Kind(404, "The bucket ownership controls were not found"),
    "PreconditionFailed": Kind(412, "At least one of the pre-conditions you specified did not hold"),
    "RequestTimeTooSkewed": Kind(403, "The difference between the request time and the current time is too large."),
    "RequestTimeout": Kind(
        400, "Your socket connection to the server was not read from or written to within the timeout period."
    ),
    "ServiceUnavailable": Kind(503, "Service is unable to handle request. Nothing was changed: please try again."),
    "SignatureDoesNotMatch": Kind(
        403,
        "The request signature we calculated does not match the signature you provided. Check your key and signing "
        "method.",
    ),
    "SlowDown": Kind(503, "Please reduce your request rate."),
    "UnexpectedContent": Kind(400, "This request does not support content"),
    "UnresolvableGrantByEmailAddress": Kind(
        400, "The email address you provided does not match any account on record."
    ),
    "XAmzContentSHA256Mismatch": Kind(
        400, "The provided 'x-amz-content-sha256' header does not match what was computed."
    ),
}


def code_of(reason: Reason) -> str:
    """Return the S3 code of a refusal by the rules."""
    match reason:
        case Reason.BUCKET_EXISTS:
            return "BucketAlreadyExists"
        case Reason.BUCKET_OWNED_BY_YOU:
            return "BucketAlreadyOwnedByYou"
        case Reason.BUCKET_NOT_EMPTY:
            return "BucketNotEmpty"
        case Reason.NO_SUCH_BUCKET:
            return "NoSuchBucket"
        case Reason.NO_SUCH_KEY:
            return "NoSuchKey"
        case Reason.NO_SUCH_VERSION:
            return "NoSuchVersion"
        case Reason.NO_SUCH_UPLOAD:
            return "NoSuchUpload"
        case Reason.PRECONDITION_FAILED:
            return "PreconditionFailed"
        case Reason.TOO_LARGE:
            return "EntityTooLarge"
        case (
            Reason.LAYOUT_EPOCH_OLD
            | Reason.GC_EPOCH_OLD
            | Reason.EXPIRED
            | Reason.NO_SUCH_BODY
            | Reason.SOURCE_CHANGED
            | Reason.UPLOAD_CHANGED
        ):
            return "ServiceUnavailable"  # nothing was applied: the same request may be sent again
        case Reason.ACCESS_KEY_EXISTS | Reason.MEMBER_EXISTS:
            return "OperationAborted"
        case Reason.NO_SUCH_USER:
            return "AccessDenied"  # the caller was deleted a moment ago
        case (
            Reason.NO_SUCH_MEMBER
            | Reason.MEMBER_VOTES
            | Reason.STILL_NEEDED
            | Reason.TOKEN_INVALID
            | Reason.SOFTWARE_TOO_OLD
            | Reason.TRANSITION_RUNNING
            | Reason.NO_TRANSITION
            | Reason.ALREADY_INITIALISED
            | Reason.NO_SUCH_ACCESS_KEY
            | Reason.USER_EXISTS
            | Reason.USER_OWNS_BUCKETS
            | Reason.INVALID_COMMAND
        ):
            return "InternalError"  # no S3 operation proposes a command that these refuse
        case _:
            assert_never(reason)


def status_of(error: S3Error) -> int:
    return CATALOGUE[error.code].status


def render(error: S3Error, resource: str, request_id: str, host_id: str) -> bytes:
    """Return the XML body of an error. A field that XML 1.0 cannot hold is left out: the code must stay readable."""
    fields = {
        "Code": error.code,
        "Message": error.message or CATALOGUE[error.code].message,
        **error.fields,
        "Resource": resource,
        "RequestId": request_id,
        "HostId": host_id,
    }
    return xml.write("Error", {name: text for name, text in fields.items() if xml.is_holdable(text)}, namespace="")
