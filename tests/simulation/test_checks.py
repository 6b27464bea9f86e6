"""The checkers can fail."""

from types import SimpleNamespace
from typing import Any

from mys3d.model.body import BlobRef, InlineBlobs
from mys3d.model.digest import digest_of, partition_of
from mys3d.model.names import BucketId, Epoch, GcEpoch, LogIndex, ObjectKey
from mys3d.model.objects import Content
from mys3d.ports import AppliedEntry
from mys3d.registry import queries
from mys3d.registry.commands import PutObject
from mys3d.registry.outcomes import Applied
from tests.simulation.checks import Laws, different_registries
from tests.simulation.history import History, wrong_answers

DIGEST = digest_of(b"x")


def test_registries_that_differ_at_the_same_index_are_found() -> None:
    assert different_registries([("n1", 5, 17), ("n2", 5, 17), ("n3", 6, 4)]) == []
    assert different_registries([("n1", 5, 17), ("n2", 5, 4)]) == ["n2 and n1 differ at applied index 5"]


def test_a_read_of_what_was_replaced_and_of_what_nobody_sent_are_found() -> None:
    history = History()
    for label, began in (("a", 0.0), ("b", 2.0)):
        asked = history.begin("put", "k", label, began)
        asked.verdict, asked.ended = "done", began + 1.0
    history.saw("k", "b", 4.0, 5.0)
    assert wrong_answers(history, ["k"]) == []
    for label in ("a", None, history.label_of("no such tag")):
        history.asked[-1].value = label
        assert len(wrong_answers(history, ["k"])) == 1, label


def test_a_refused_put_must_never_be_seen_and_one_in_doubt_may() -> None:
    history = History()
    asked = history.begin("put", "k", "a", 0.0)
    history.saw("k", "a", 1.0, 2.0)
    assert wrong_answers(history, ["k"]) == []
    asked.verdict = "refused"
    assert len(wrong_answers(history, ["k"])) == 1


class Rows:
    """One node at a time, with a layout of three homes everywhere."""

    def __init__(self, monkeypatch: Any, references: int) -> None:
        self.layout = SimpleNamespace(
            homes=lambda _: ("n1", "n2", "n3"), readable=lambda _: ("n1", "n2", "n3"), target=(),
            base=[("n1", "n2", "n3")] * 1024,
        )  # fmt: skip
        monkeypatch.setattr(queries, "layout", lambda _: self.layout)
        monkeypatch.setattr(queries, "references_count", lambda *_: references)
        self.listeners: list[Any] = []
        consensus = SimpleNamespace(subscribe=self.listeners.append)
        product = SimpleNamespace(
            consensus=consensus, blobs=SimpleNamespace(holds=lambda _: False, stored=lambda _: [])
        )
        self.node: Any = SimpleNamespace(id="n1", node=product, applied=lambda: 7, rows=lambda: None)
        self.problems: list[str] = []
        self.laws = Laws([self.node], self.problems)
        self.laws.watch(self.node)

    def commit(self, first: LogIndex | None = None) -> None:
        """`first`: where this very proposal was applied before; None: nowhere."""
        command = PutObject(
            BucketId(1),
            ObjectKey("k"),
            1,
            "e",
            InlineBlobs((BlobRef(DIGEST, 1),)),
            Content("t"),
            (),
            Epoch(1),
            GcEpoch(1),
        )
        index = LogIndex(self.laws.checked_index + 1)
        self.listeners[0]([AppliedEntry(index, command, Applied(first or index))])


def test_a_commit_of_a_blob_below_its_write_quorum_is_found(monkeypatch: Any) -> None:
    rows = Rows(monkeypatch, references=1)
    rows.laws.synced("n1", [DIGEST])
    rows.commit()
    assert len(rows.problems) == 1
    rows.laws.synced("n2", [DIGEST])
    rows.commit()
    assert len(rows.problems) == 1


def test_a_proposal_that_comes_twice_names_nothing_the_second_time(monkeypatch: Any) -> None:
    rows = Rows(monkeypatch, references=1)
    rows.laws.checked_index = 5
    rows.commit(first=LogIndex(3))
    assert rows.problems == []


def test_forgetting_a_referenced_blob_is_found_and_garbage_may_go(monkeypatch: Any) -> None:
    rows = Rows(monkeypatch, references=0)
    rows.laws.forgot(rows.node, DIGEST)
    assert rows.problems == []
    rows = Rows(monkeypatch, references=1)
    rows.laws.forgot(rows.node, DIGEST)
    assert any("has its home there" in problem for problem in rows.problems)


def test_an_old_home_that_forgets_before_the_new_ones_hold_the_blob_is_found(monkeypatch: Any) -> None:
    rows = Rows(monkeypatch, references=1)
    rows.layout.readable = lambda _: ("n2",)
    rows.layout.base = [("n2",)] * 1024
    rows.laws.synced("n3", [DIGEST])
    rows.laws.synced("n4", [DIGEST])
    rows.laws.forgot(rows.node, DIGEST)
    assert rows.problems == [f"n1 forgot blob {DIGEST.hex()[:8]}, which its home n2 does not hold yet"]
    rows.problems.clear()
    rows.laws.synced("n2", [DIGEST])
    rows.laws.forgot(rows.node, DIGEST)
    assert rows.problems == [] and partition_of(DIGEST) < 1024


def test_a_node_that_lags_may_forget_what_a_quorum_of_others_holds(monkeypatch: Any) -> None:
    rows = Rows(monkeypatch, references=1)
    monkeypatch.setattr(queries, "references_count", lambda reader, _: 0 if reader == "behind" else 1)
    late: Any = SimpleNamespace(id="n9", node=rows.node.node, applied=lambda: 3, rows=lambda: "behind")
    rows.laws.synced("n1", [DIGEST])
    rows.laws.forgot(late, DIGEST)
    assert rows.problems == [f"n9 forgot blob {DIGEST.hex()[:8]}, which is referenced and on 1 nodes now"]
    rows.problems.clear()
    rows.laws.synced("n2", [DIGEST])
    rows.laws.forgot(late, DIGEST)
    assert rows.problems == []


def test_a_copy_beside_those_of_all_homes_may_go_while_another_home_is_being_filled(monkeypatch: Any) -> None:
    rows = Rows(monkeypatch, references=1)
    rows.layout.readable = lambda _: ("n2", "n3", "n4", "n5")
    rows.layout.base, rows.layout.target = [("n2", "n3", "n4")] * 1024, [("n2", "n3", "n5")] * 1024
    for node in ("n2", "n3", "n4"):
        rows.laws.synced(node, [DIGEST])
    rows.laws.forgot(rows.node, DIGEST)
    assert rows.problems == []
