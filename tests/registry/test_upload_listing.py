"""Pages of open uploads, against the plainest way to make them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mys3d.registry.upload_listing import Marker, list_uploads

NAMES = st.lists(st.text("ab/\x00", min_size=1, max_size=4), max_size=10)


def place_of(item):
    return item if isinstance(item, tuple) else (item, 0)


def everything(machine, bucket, prefix, delimiter, limit):
    """All pages, each item as (key, id) or a common prefix."""
    after, found, sizes = Marker(), [], []
    while after is not None:
        page = list_uploads(machine.rows, bucket, prefix, delimiter, after, limit)
        items = [(entry.key, entry.id) for entry in page.entries]
        found += sorted(
            [*items, *page.common_prefixes], key=lambda item: item if isinstance(item, tuple) else (item, 0)
        )
        sizes.append(len(items) + len(page.common_prefixes))
        after = page.following
    assert all(size == limit for size in sizes[:-1])
    return found


@settings(max_examples=40, deadline=None)
@given(
    names=NAMES,
    prefix=st.sampled_from(["", "a", "a/"]),
    delimiter=st.sampled_from(["", "/", "b/"]),
    limit=st.integers(1, 4),
)
def test_pages_hold_each_upload_or_its_common_prefix_once(make, names, prefix, delimiter, limit):
    machine = make.Machine().initialised()
    bucket = machine.bucket()
    uploads = [(name, machine.upload(bucket, name)) for name in names]
    expected = {}
    for key, upload in sorted(uploads, key=lambda item: (item[0].encode(), item[1])):
        if key.startswith(prefix):
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            expected[key[: at + len(delimiter)] if at >= 0 else (key, upload)] = None
    assert everything(machine, bucket, prefix, delimiter, limit) == list(expected)


def test_a_marker_without_an_id_skips_all_uploads_of_its_key(machine):
    bucket = machine.bucket()
    uploads = [machine.upload(bucket, key) for key in ("a", "a", "b")]
    keys = [entry.key for entry in list_uploads(machine.rows, bucket, "", "", Marker("a"), 9).entries]
    assert keys == ["b"]
    found = list_uploads(machine.rows, bucket, "", "", Marker("a", uploads[0]), 9).entries
    assert [entry.id for entry in found] == uploads[1:]


def test_no_page_is_empty_and_truncated(machine):
    bucket = machine.bucket()
    machine.upload(bucket, "a")
    page = list_uploads(machine.rows, bucket, "", "", Marker(), 0)
    assert (page.entries, page.following) == ((), None)
    assert list_uploads(machine.rows, bucket, "a", "", Marker("b"), 5).entries == ()


def test_a_common_prefix_costs_one_seek(machine):
    bucket = machine.bucket()
    for number in range(50):
        machine.upload(bucket, f"d/{number:02}")
    machine.upload(bucket, "e")
    seen = []

    class Counted:
        def scan(self, start, stop, *, reverse=False):
            for row in machine.rows.scan(start, stop, reverse=reverse):
                seen.append(row)
                yield row

    page = list_uploads(Counted(), bucket, "", "/", Marker(), 9)
    assert (page.common_prefixes, [entry.key for entry in page.entries]) == (("d/",), ["e"])
    assert len(seen) == 2
