"""From what pytest wrote to a table and a record."""

import json

from tests.yardstick.report import kept, read_junit, record_of, table

JUNIT = """<testsuites><testsuite>
<testcase classname="s3tests.functional.test_s3" name="test_multipart_upload" time="1"/>
<testcase classname="s3tests.functional.test_s3" name="test_multipart_copy_small">
<failure message="ClientError: no&#10;x">
trace</failure></testcase>
<testcase classname="s3tests.functional.test_s3" name="test_bucket_head"/>
<testcase classname="s3tests.functional.test_s3" name="test_bucket_head">
<error message="failed on teardown"/></testcase>
<testcase classname="s3tests.functional.test_headers" name="test_object_create_bad_md5_bad">
<skipped message="not today"/></testcase>
</testsuite></testsuites>"""


def test_a_skip_and_a_failed_teardown_are_not_passed() -> None:
    record = record_of(read_junit(JUNIT), "abc", "not x")
    assert record["total"] == {"tests": 4, "passed": 1, "failed": 2, "skipped": 1}
    assert record["areas"]["multipart"] == {"tests": 2, "passed": 1, "failed": 1, "skipped": 0}
    assert record["areas"]["bucket CRUD and naming"]["failed"] == 1
    assert record["passed"] == ["test_s3::test_multipart_upload"]
    assert record["not_passed"]["test_headers::test_object_create_bad_md5_bad"] == {
        "area": "raw headers", "outcome": "skipped", "reason": "not today",
    }  # fmt: skip
    assert record["not_passed"]["test_s3::test_multipart_copy_small"]["reason"] == "ClientError: no"
    assert record == json.loads(json.dumps(record))
    assert kept(record).keys() == {"suite", "revision", "expression", "total", "areas"}
    assert (record["suite"], record["revision"]) == ("ceph/s3-tests", "abc")


def test_the_table_has_a_line_for_every_area_and_one_for_all() -> None:
    lines = table(record_of(read_junit(JUNIT), "abc", "")).splitlines()
    assert lines[2:] == [
        "| bucket CRUD and naming | 1 | 0 | 1 | 0 |",
        "| multipart | 2 | 1 | 1 | 0 |",
        "| raw headers | 1 | 0 | 0 | 1 |",
        "| **all** | 4 | 1 | 2 | 1 |",
    ]
