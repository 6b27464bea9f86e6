"""Every test of the yardstick has its area."""

import pytest

from tests.yardstick.areas import area_of


@pytest.mark.parametrize(
    ("name", "area"),
    [
        ("test_multipart_checksum_sha256", "checksums"),
        ("test_object_write_check_etag", "basics"),
        ("test_bucket_list_delimiter_percentage", "listing"),
        ("test_put_obj_with_tags", "tagging"),
        ("test_bucket_policy_put_obj_tagging_existing_tag", "bucket policy"),
        ("test_copy_part_enc[256-256]", "encryption"),
        ("test_put_object_ifnonmatch_failed", "conditional writes"),
        ("test_get_object_ifnonematch_good", "range and conditional GET"),
        ("test_object_raw_get_bucket_acl", "anonymous and presigned"),
        ("test_bucket_acl_default", "ACL"),
        ("test_object_lock_put_legal_hold", "object lock"),
        ("test_multipart_copy_versioned", "versioning"),
        ("test_object_copy_zero_size", "CopyObject"),
        ("test_post_object_upload_checksum", "POST form"),
        ("test_bucket_create_naming_bad_ip", "bucket CRUD and naming"),
    ],
)
def test_a_test_of_s3_has_the_area_of_its_name(name: str, area: str) -> None:
    assert area_of("test_s3", name) == area


def test_other_modules_are_areas_of_their_own() -> None:
    assert area_of("test_iam", "test_bucket_policy") == "IAM"
    assert area_of("test_headers", "test_bucket_create_bad_date_none_aws2") == "SigV2 headers"
    assert area_of("test_headers", "test_object_create_bad_md5_bad") == "raw headers"
