"""What a run of ceph/s3-tests showed, by area: from JUnit XML to a table and a JSON record.        Floor: tests.

Law: a test counts once; a test that was skipped, or whose teardown failed, has not passed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from tests.yardstick.areas import area_of

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
REASON_CHARS_MAX = 200


@dataclass(frozen=True, slots=True)
class Case:
    """One test and what became of it."""

    area: str
    name: str  # module::name
    outcome: str
    reason: str  # of a failure or skip: its first line


def read_junit(document: str) -> list[Case]:
    """The cases of a JUnit XML document, in order. A test that is named twice (its teardown failed) counts once."""
    found: dict[str, Case] = {}
    for element in ElementTree.fromstring(document).iter("testcase"):
        case = _case(element)
        known = found.get(case.name)
        if known is None or known.outcome == PASSED:
            found[case.name] = case
    return list(found.values())


def _case(element: ElementTree.Element) -> Case:
    module = element.get("classname", "").rpartition(".")[2]
    name = element.get("name", "")
    outcome, reason = PASSED, ""
    for child in element:
        if child.tag in ("failure", "error"):
            outcome, reason = FAILED, _first_line(child)
            break
        if child.tag == "skipped":
            outcome, reason = SKIPPED, _first_line(child)
    return Case(area_of(module, name), f"{module}::{name}", outcome, reason)


def _first_line(element: ElementTree.Element) -> str:
    text = element.get("message") or element.text or ""
    return (text.strip().splitlines() or [""])[0][:REASON_CHARS_MAX]


def record_of(cases: Sequence[Case], revision: str, expression: str) -> dict[str, Any]:
    """What is kept of a run: totals, areas, and the reason of every test that did not pass."""
    return {
        "suite": "ceph/s3-tests",
        "revision": revision,
        "expression": expression,
        "total": counts(cases),
        "areas": {area: counts(own) for area, own in sorted(by_area(cases).items())},
        "passed": sorted(case.name for case in cases if case.outcome == PASSED),
        "not_passed": {
            case.name: {"area": case.area, "outcome": case.outcome, "reason": case.reason}
            for case in sorted(cases, key=lambda case: (case.area, case.name))
            if case.outcome != PASSED
        },
    }


def kept(record: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a record that the repository keeps: what the compatibility page shows."""
    return {name: record[name] for name in ("suite", "revision", "expression", "total", "areas")}


def by_area(cases: Sequence[Case]) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.area, []).append(case)
    return found


def counts(cases: Sequence[Case]) -> dict[str, int]:
    outcomes = [case.outcome for case in cases]
    return {"tests": len(cases)} | {outcome: outcomes.count(outcome) for outcome in (PASSED, FAILED, SKIPPED)}


def table(record: Mapping[str, Any]) -> str:
    """The areas with their counts, as Markdown shows a table."""
    lines = ["| area | tests | passed | failed | skipped |", "|---|---:|---:|---:|---:|"]
    rows = [*record["areas"].items(), ("**all**", record["total"])]
    lines += [f"| {area} | {n['tests']} | {n['passed']} | {n['failed']} | {n['skipped']} |" for area, n in rows]
    return "\n".join(lines)
