"""Records and raw payloads: what was said is what is heard, and what is malformed is refused."""

import pytest

from mys3d.errors import Damaged, Reason, Rejected, Unavailable
from mys3d.peers import messages
from mys3d.peers.messages import Failure, Hello, Welcome
from mys3d.ports import Compared, DiskUsage, NodeStatus, RaftStatus

DIGEST = bytes(range(32))


def test_a_push_carries_its_blob_outside_msgpack():
    payload = messages.push_head(DIGEST, 2**63) + b"blob"
    digest, touch, blob = messages.parse_push(payload)
    assert (digest, touch, bytes(blob)) == (DIGEST, 2**63, b"blob")


@pytest.mark.parametrize("size", [0, 39, 40])
def test_a_push_without_a_blob_is_refused(size):
    with pytest.raises(ValueError, match="no blob"):
        messages.parse_push(bytes(size))


def test_a_fetch_names_digest_and_range():
    assert messages.parse_fetch(messages.FETCH.pack(DIGEST, 5, 2**22)) == (DIGEST, 5, 2**22)
    with pytest.raises(ValueError, match="40 bytes"):
        messages.parse_fetch(bytes(39))


@pytest.mark.parametrize("data", [None, b"", b"bytes"])
def test_held_and_empty_and_missing_are_three_answers(data):
    assert messages.parse_fetched(b"".join(messages.fetched(data))) == data


@pytest.mark.parametrize("payload", [b"", b"\2abc"])
def test_a_fetched_blob_of_another_form_is_refused(payload):
    with pytest.raises(ValueError, match="0 or 1"):
        messages.parse_fetched(payload)


def test_acknowledgements_are_batched():
    assert messages.parse_pushed(messages.pushed([1, 2**32 - 1, 7])) == [1, 2**32 - 1, 7]
    with pytest.raises(ValueError, match="4 bytes each"):
        messages.parse_pushed(b"abcde")


@pytest.mark.parametrize(
    "error", [Unavailable("no disk"), Rejected(Reason.TOKEN_INVALID, "used"), Damaged(DIGEST, "", "rotten")]
)
def test_an_error_crosses_with_its_kind(error):
    found = messages.error_of(messages.encode(messages.failure(error, "b" * 32)))
    assert type(found) is type(error)
    if isinstance(found, Damaged):
        assert (found.digest, found.node) == (DIGEST, "b" * 32)


def test_an_unknown_kind_of_failure_or_reason_is_refused():
    for failure in (Failure("z", "later version"), Failure("r", "later version", "not-a-reason")):
        with pytest.raises(ValueError, match=r"unknown kind|not a valid Reason"):
            messages.error_of(messages.encode(failure))


def test_a_record_of_a_later_version_may_have_more_fields():
    now = {"format": 1, "cluster_id": b"c", "node": "a", "incarnation": b"i", "lane": "bulk", "later": 1}
    assert messages.decode(messages.encode(now), Hello) == Hello(1, b"c", "a", b"i", "bulk")


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x80", messages.encode([1, 2])])
def test_a_malformed_record_is_a_value_error(payload):
    with pytest.raises(ValueError):  # msgspec words it
        messages.decode(payload, Hello)


def test_the_bytes_of_a_greeting_stay_readable():
    wire = bytes.fromhex(
        "85a6666f726d617401aa636c75737465725f6964c40163a46e6f6465a161ab696e6361726e6174696f6ec40169a46c616e65a462756c6b"
    )
    assert messages.decode(wire, Hello) == Hello(1, b"c", "a", b"i", "bulk")
    assert messages.encode(Hello(1, b"c", "a", b"i", "bulk")) == wire


def test_a_welcome_of_an_older_node_has_no_plain_lane_and_ours_without_one_looks_the_same():
    old = {"format": 1, "cluster_id": b"c", "node": "a", "incarnation": b"i"}
    assert messages.decode(messages.encode(old), Welcome) == Welcome(1, b"c", "a", b"i", has_plain=False, secret=b"")
    assert messages.encode(Welcome(1, b"c", "a", b"i")) == messages.encode(old)


def test_a_status_of_an_older_node_says_nothing_of_its_rows():
    raft = {"term": 1, "leader": None, "voters": [], "is_leader": False, "applied_index": 1, "commit_index": 1,
            "last_index": 1, "lag": {}}  # fmt: skip
    disk = {"size_bytes": 1, "free_bytes": 1, "blobs_count": 0, "is_writable": True}
    old = {"node": "n", "raft": raft, "disk": disk, "blobs_missing": 0, "reconciling": False, "version": "0"}
    assert messages.decode(messages.encode(old), NodeStatus).raft.compared == ()


def test_a_status_carries_the_names_of_rows():
    raft = RaftStatus(1, None, (), False, 1, 1, 1, {}, (Compared(7, b"d" * 32, 3, b"\xff\x00"),))
    status = NodeStatus("n", raft, DiskUsage(1, 1, 0, True), 0, False, "0")
    assert messages.decode(messages.encode(status), NodeStatus).raft == raft


def test_a_snapshot_of_any_entry_is_what_an_earlier_release_asks_for():
    assert (messages.parse_since(b""), messages.parse_since(messages.encode(70_000))) == (0, 70_000)
    with pytest.raises(ValueError, match="str"):
        messages.parse_since(messages.encode("7"))


def test_a_piece_of_a_snapshot_is_what_was_sent_or_damaged():
    payload = b"".join(messages.pieced(b"rows"))
    assert messages.parse_piece("b" * 32, payload) == b"rows"
    for position in range(len(payload)):
        changed = bytearray(payload)
        changed[position] ^= 1
        with pytest.raises(Damaged, match="changed on its way"):
            messages.parse_piece("b" * 32, changed)
    with pytest.raises(ValueError, match="piece"):
        messages.parse_piece("b" * 32, payload[:31])
