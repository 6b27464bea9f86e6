"""How bounds relate: a change of one that breaks another is seen here."""

from mys3d import limits


def numbers() -> dict[str, float]:
    return {name: value for name, value in vars(limits).items() if isinstance(value, int | float)}


def test_every_bound_is_positive() -> None:
    assert len(numbers()) > 40
    assert not [name for name, value in numbers().items() if value <= 0]


def test_a_page_of_keys_fits_what_one_scan_may_visit() -> None:
    assert limits.list_keys_max < limits.scan_rows_max


def test_a_blob_fits_a_bulk_frame_and_a_command_fits_a_control_frame() -> None:
    assert limits.blob_bytes_max < limits.bulk_frame_bytes_max
    assert limits.command_bytes_max < limits.control_frame_bytes_max
    assert limits.join_frame_bytes_max < limits.control_frame_bytes_max


def test_an_inline_list_of_blobs_leaves_room_in_its_command() -> None:
    reference_bytes = 48  # a digest of 32 bytes and a length, encoded
    assert limits.inline_blobs_max * reference_bytes < limits.command_bytes_max / 8
    assert limits.inline_blobs_max < limits.command_rows_max


def test_the_largest_put_is_what_s3_says() -> None:
    assert limits.put_bytes_max == 5 * 2**30
    assert limits.key_bytes_max == 1024


def test_a_straggler_is_given_up_before_its_push_is() -> None:
    assert limits.straggler_ms / 1000 < limits.push_deadline_seconds


def test_a_busy_node_can_hold_many_bodies_at_once() -> None:
    assert limits.buffer_budget_bytes >= 32 * limits.blob_bytes_max
