"""Uploads in parts: any order of commands against a plain model."""

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mys3d.model.names import Instant
from mys3d.registry import invariants, keys, queries
from mys3d.registry.commands import AbandonBody, Reap
from mys3d.registry.outcomes import Applied
from mys3d.registry.upload_commands import AbortUpload

EVER = Instant(2**62)


def reap_all(machine):
    """What the leader's duty does, at once."""
    while True:
        dead = [body for body, _ in queries.bodies_dead(machine.rows, EVER)] + queries.leftovers(machine.rows)
        for bucket, key, upload in queries.uploads_orphaned(machine.rows):
            machine.done(AbortUpload(bucket, key, upload))
        if not dead:
            return
        for body in dead:
            machine.done(Reap(body, queries.reapable_from(machine.rows, body)))
            assert invariants.violations(machine.rows) == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.sampled_from("kl")),
        st.tuples(
            st.just("part"), st.integers(0, 2), st.integers(1, 4), st.sampled_from(["", "a", "bb", "a bb", "*a"])
        ),
        st.tuples(st.just("complete"), st.integers(0, 2), st.sets(st.integers(1, 4))),
        st.tuples(st.just("abort"), st.integers(0, 2)),
        st.tuples(st.just("delete"), st.sampled_from("kl")),
        st.tuples(st.just("copy"), st.sampled_from("kl"), st.sampled_from("kl")),
        st.tuples(st.just("reap")),
    ),
    max_size=25,
)


class Plain:
    """Uploads and objects as dictionaries of texts."""

    def __init__(self):
        self.uploads = []  # [key, {number: texts}, state]
        self.objects = {}


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
@example(steps=[("begin", "k"), ("abort", 0), ("part", 0, 1, "*a")])
def test_any_order_of_commands_does_what_the_plain_model_does(make, steps):
    machine, plain = make.Machine().initialised(), Plain()
    bucket, ids = machine.bucket(), []
    for step in steps:
        _step(machine, make, bucket, ids, plain, step)
        assert invariants.violations(machine.rows) == []
    for key in "kl":
        found = queries.live(machine.rows, bucket, key)
        wanted = plain.objects.get(key)
        assert (found is None) == (wanted is None)
        if found is not None:
            assert [
                queries.part(machine.rows, found.body, place + 1).etag for place in range(found.body.parts_count)
            ] == wanted
    reap_all(machine)
    named = list(plain.objects.values()) + [parts.values() for _, parts, state in plain.uploads if state == "open"]
    expected = {make.blob(word).digest for texts in named for text in texts for word in text.split("+") if word}
    rows = machine.rows.scan(*keys.stretch(keys.REFERENCES))
    assert {key[1:] for key, _ in rows} == expected


def _step(machine, make, bucket, ids, plain, step):
    match step:
        case ("begin", key):
            ids.append(machine.upload(bucket, key))
            plain.uploads.append([key, {}, "open"])
        case ("part", which, number, text) if which < len(ids):
            key, parts, state = plain.uploads[which]
            words = text.removeprefix("*").split()
            command = make.part(bucket, key, ids[which], number, *words)
            if text.startswith("*"):
                command = msgspec.structs.replace(command, body=machine.staged(words))
            is_done = isinstance(machine.do(command), Applied)
            assert is_done == (state == "open")
            if is_done:
                parts[number] = command.etag
            elif text.startswith("*"):  # whoever staged a body gives it up when it was refused
                machine.done(AbandonBody(command.body.body, is_expired=False))
        case ("complete", which, numbers) if which < len(ids):
            key, parts, state = plain.uploads[which]
            chosen = [(number, parts[number]) for number in sorted(numbers) if number in parts]
            if not chosen:
                return
            found = queries.upload(machine.rows, bucket, key, ids[which])
            sizes = [(number, sum(map(len, text.split("+")))) for number, text in chosen]
            etag = ",".join(text for _, text in chosen)
            command = make.complete(bucket, key, ids[which], found.revision if found else 0, sizes, etag=etag)
            is_done = isinstance(machine.do(command), Applied)
            assert is_done == (state in ("open", etag))
            if state == "open":
                plain.uploads[which][2] = etag
                plain.objects[key] = [text for _, text in chosen]
        case ("abort", which) if which < len(ids):
            key, _, state = plain.uploads[which]
            is_done = isinstance(machine.do(AbortUpload(bucket, key, ids[which])), Applied)
            assert is_done == (state == "open")
            if is_done:
                plain.uploads[which][2] = "aborted"
        case ("delete", key):
            machine.done(make.delete(bucket, key))
            plain.objects.pop(key, None)
        case ("copy", source, target) if source in plain.objects:
            version = queries.live(machine.rows, bucket, source).id
            machine.done(make.copy(bucket, target, source, version))
            plain.objects[target] = plain.objects[source]
        case ("reap",):
            reap_all(machine)
