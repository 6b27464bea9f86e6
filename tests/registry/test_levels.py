"""Commands that some member cannot apply are not proposed."""

import msgspec

from mys3d.errors import Reason
from mys3d.model.objects import Content
from mys3d.registry import codec, queries, tables
from mys3d.registry.amendments import TagBucket
from mys3d.registry.commands import CreateToken, JoinMember, RemoveMember, UpdateMember
from mys3d.registry.levels import FROZEN, LEVEL, level_of, lowest, obstacle


def structs_of(kinds):
    """The names and numbers of fields of all records that are stored or sent, by walking the types of this software.

    A record of an S3 operation may have the name of a command.
    """
    found = {}
    for kind in kinds:
        if not kind.__module__.startswith(("mys3d.operations", "mys3d.s3")):
            found[kind.__name__] = len(kind.__struct_fields__)
        found |= structs_of(kind.__subclasses__())
    return found


def test_no_record_lost_a_field_and_every_new_one_has_a_default():
    now = structs_of([msgspec.Struct])
    for known in FROZEN:
        assert {name: count for name, count in known.items() if now[name] < count} == {}


def test_what_the_first_level_knows_needs_no_more(make):
    for command in (
        make.initialise("n1"),
        make.put(2, "k", "one"),
        make.delete_many(2, ["k"]),
        make.stage(None, 0, "x"),
    ):
        assert level_of(command) == 0
    assert level_of(UpdateMember("n1", level=LEVEL)) == 0


def test_a_new_command_a_new_field_and_a_new_field_of_a_record_within_need_the_level_that_knows_them(make):
    put = make.put(2, "k", "one")
    assert level_of(TagBucket(2, ())) == 1
    assert level_of(msgspec.structs.replace(put, content=Content("text/plain", tags=(("a", "b"),)))) == 1
    assert level_of(msgspec.structs.replace(put, content=Content("text/plain"))) == 0


def with_levels(machine, **given):
    for node, level in given.items():
        if tables.member(machine.rows, node) is None:
            machine.join(node)
        machine.done(UpdateMember(node, level=level))
    return machine


def test_the_obstacle_names_who_has_to_be_upgraded(machine, make):
    with_levels(machine, n2=0, n3=1)
    tag = TagBucket(2, ())
    assert obstacle(machine.rows, tag) == "upgrade n1, n2 first: the software there does not know all of TagBucket"
    assert obstacle(machine.rows, make.put(2, "k", "one")) == ""
    with_levels(machine, n1=1, n2=1)
    assert obstacle(machine.rows, tag) == ""


def test_the_level_of_a_member_never_falls(machine):
    with_levels(machine, n1=1)
    machine.done(UpdateMember("n1", level=0))
    machine.done(UpdateMember("n1", zone="z9"))
    assert (queries.member(machine.rows, "n1").level, queries.member(machine.rows, "n1").zone) == (1, "z9")


def test_a_node_that_knows_less_than_all_members_does_not_join(machine, make):
    with_levels(machine, n1=1)
    assert lowest(machine.rows) == 1
    machine.done(CreateToken(b"t" * 32, 2**62))
    join = JoinMember(b"t" * 32, "n2", "n2", b"i" * 16, queries.member(machine.rows, "n1").addresses, "z", 1)
    assert machine.do(join).reason == Reason.SOFTWARE_TOO_OLD
    machine.done(msgspec.structs.replace(join, level=1))
    assert queries.member(machine.rows, "n2").level == 1
    assert machine.do(RemoveMember("n2")).reason == Reason.STILL_NEEDED


def test_rows_and_commands_of_before_levels_are_read(machine):
    row = msgspec.msgpack.decode(codec.encode(queries.member(machine.rows, "n1")))
    assert tables.decode_member(msgspec.msgpack.encode(row[:-1])).level == 0
    sent = msgspec.msgpack.decode(codec.encode(UpdateMember("n1", zone="z")))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent[:-1]), type=UpdateMember) == UpdateMember("n1", zone="z")


def test_nobody_is_old_in_an_empty_registry(make):
    rows = make.Machine().rows
    assert lowest(rows) == 0
    assert obstacle(rows, TagBucket(2, ())) == ""
