"""The files of a member: made whole or not at all, read back as made, refused when they are not ours."""

import msgspec
import pytest

from mys3d.errors import Unavailable
from mys3d.peers import identity, pki

FILES = {"identity", "cluster.key", "tls/ca.pem", "tls/ca.key", "tls/node.pem", "tls/node.key"}


@pytest.fixture
def made(tmp_path, room):
    return identity.create_cluster(tmp_path / "data", room.Dice(1), room.NOW, "h:9002")


def change(path, **fields):
    path.write_bytes(msgspec.json.encode({**msgspec.json.decode(path.read_bytes()), **fields}))


def test_a_new_cluster_is_read_back_as_it_was_made(made):
    assert identity.load(made.directory) == made == identity.load(made.directory, made.cluster_id)
    assert made.seeds == {made.node: "h:9002"}
    assert (len(made.cluster_id), len(made.incarnation), len(made.cluster_key)) == (16, 16, 32)


def test_every_file_is_private_and_nothing_else_is_left(made):
    found = {str(path.relative_to(made.directory)): path for path in made.directory.rglob("*") if path.is_file()}
    assert set(found) == FILES
    assert {path.stat().st_mode & 0o777 for path in found.values()} == {0o600}


def test_a_directory_made_for_a_node_is_closed_to_others(tmp_path, room):
    made = identity.create_cluster(tmp_path / "fresh", room.Dice(1), room.NOW, "h:9002")
    assert made.directory.stat().st_mode & 0o777 == 0o700


def test_the_files_make_working_contexts(made):
    pki.server_context(made.tls)
    pki.client_context(made.tls)


def test_a_directory_that_has_an_identity_is_not_made_again(made, room):
    with pytest.raises(Unavailable, match="belongs to a node already"):
        identity.create_cluster(made.directory, room.Dice(2), room.NOW, "h:9002")


def test_a_creation_that_was_cut_short_can_be_repeated(made, room):
    (made.directory / "identity").unlink()  # it is written last: the crash came before it
    again = identity.create_cluster(made.directory, room.Dice(2), room.NOW, "h:9002")
    assert identity.load(made.directory) == again != made


def test_seeds_are_remembered(made, room):
    changed = made.with_seeds({made.node: "h:1", room.B: "other:2"})
    assert identity.load(made.directory) == changed
    assert changed.seeds[room.B] == "other:2"


def test_another_format_is_refused_with_both_numbers(made):
    change(made.directory / "identity", format=2, more="unknown")
    with pytest.raises(Unavailable, match="has format 2, this version of mys3d reads format 1"):
        identity.load(made.directory)


def test_another_cluster_is_refused_with_both_ids(made):
    with pytest.raises(Unavailable, match=f"cluster {made.cluster_id.hex()}, expected {'00' * 16}"):
        identity.load(made.directory, bytes(16))


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_named(made, name):
    (made.directory / name).unlink()
    with pytest.raises(Unavailable, match=f"{name} is missing"):
        identity.load(made.directory)


@pytest.mark.parametrize("text", [b"{not ours", b'{"format":1,"node":"\xee0"}'])
@pytest.mark.parametrize("name", sorted(FILES - {"tls/ca.key", "tls/node.key"}))
def test_a_damaged_file_is_refused(made, name, text):
    (made.directory / name).write_bytes(text)
    with pytest.raises(Unavailable, match="not usable"):
        identity.load(made.directory)


@pytest.mark.parametrize(
    "fields", [{"node": "n1"}, {"cluster_id": "00"}, {"incarnation": "zz"}, {"seeds": {"x": "h:1"}}, {"extra": 1}]
)
def test_a_damaged_field_is_refused(made, fields):
    change(made.directory / "identity", **fields)
    with pytest.raises(Unavailable, match="not usable"):
        identity.load(made.directory)


def test_a_certificate_of_another_node_is_refused(made, room):
    other = pki.certify_key(made.authority, pki.new_key(), room.B, room.NOW)
    (made.tls / "node.pem").write_bytes(other)
    with pytest.raises(Unavailable, match=f"node.pem is of node {room.B}"):
        identity.load(made.directory)


def test_a_place_that_is_no_directory_is_refused_before_anything_is_made(tmp_path, room):
    (tmp_path / "file").write_text("taken")
    for act in (identity.check_writable, lambda path: identity.create_cluster(path, room.Dice(1), room.NOW, "h:1")):
        with pytest.raises(Unavailable, match="cannot be used for data"):
            act(tmp_path / "file")
        with pytest.raises(Unavailable, match="cannot be used for data"):
            act(tmp_path / "file" / "below")


def test_a_probe_leaves_nothing_behind(tmp_path):
    identity.check_writable(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_another_incarnation_is_remembered(made):
    changed = made.with_incarnation(b"n" * 16)
    assert identity.load(made.directory) == changed
    assert (changed.incarnation, changed.seeds) == (b"n" * 16, made.seeds)
