"""Which area of S3 a test of ceph/s3-tests belongs to.        Floor: tests.

Law: every test has exactly one area; the first line that fits its name decides.
"""

import re
from typing import Final

_MODULES: Final = {
    "test_iam": "IAM",
    "test_sts": "STS",
    "test_s3select": "Select",
    "test_sns": "notifications",
    "test_utils": "the suite itself",
}
_NAMES: Final = tuple(
    (area, re.compile(pattern))
    for area, pattern in (
        ("object lock", r"object_lock"),
        ("lifecycle", r"lifecycle|delete_marker_expiration|_restore|cloud"),
        ("encryption", r"encrypt|sse_|_enc(_|$)|copy_part_enc|noenc|_kms|incorrect_algo"),
        ("bucket logging", r"logging"),
        ("POST form", r"post_object"),
        ("CORS", r"cors"),
        ("public access block", r"public_block|policy_status|block_public|ignore_public"),
        ("bucket policy", r"policy|notprincipal"),
        ("attributes", r"object_attributes"),
        ("tagging", r"(^|_)tag(s|ging)?(_|$)"),
        ("checksums", r"checksum|cksum"),
        ("ownership", r"ownership|bucket_owner_|object_writer"),
        ("range and conditional GET", r"get_object_if|ranged"),
        ("conditional writes", r"if_?(none?_?)?match"),
        ("versioning", r"version|delete_marker"),
        ("atomic", r"atomic"),
        ("multipart", r"multipart|part_copy|get_part|100_continue"),
        ("CopyObject", r"copy"),
        ("ACL", r"(?<!raw_get_bucket)(?<!raw_get_object)(?<!authenticated_bucket)(?<!authenticated_object)_acl"),
        ("ACL", r"access_bucket|grant"),
        (
            "anonymous and presigned",
            r"_raw_|_anon|presigned|put_authenticated|invalid_auth|bad_auth|expected_bucket_owner",
        ),
        ("listing", r"bucket_listv?2?_|key_count|special_prefix"),
        ("bucket CRUD and naming", r"bucket(s|v2)?_(create|recreate|delete|head|get|not|list)|buckets_|list_buckets"),
    )
)


def area_of(module: str, name: str) -> str:
    """The area of a test, by its module (`test_s3`) and its name with or without parameters."""
    plain = name.partition("[")[0]
    if module in _MODULES:
        return _MODULES[module]
    if module == "test_headers":
        return "SigV2 headers" if plain.endswith("_aws2") else "raw headers"
    return next((area for area, pattern in _NAMES if pattern.search(plain)), "basics")
