"""Rules of operation ids: what became of each, kept for 200,000 entries.        Floor: registry (pure).

Law: an operation id is decided once. A proposal expires before its outcome is forgotten, so a late copy is refused as
expired and never applied twice. Each entry forgets the outcomes of exactly one older entry.
"""

from mys3d import limits
from mys3d.errors import Reason, Rejected
from mys3d.model.names import LogIndex, OperationId
from mys3d.registry import tables
from mys3d.registry.commands import CancelOperation
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, Outcome
from mys3d.registry.transaction import Transaction


def remember(tx: Transaction, index: LogIndex, operation: OperationId, outcome: Outcome) -> None:
    tables.put_outcome(tx, operation, outcome)
    tables.put_outcomes_at(tx, index, (*tables.outcomes_at(tx, index), operation))


def forget_old(tx: Transaction, index: LogIndex) -> None:
    """Drop the outcomes that were decided 200,000 entries before `index`."""
    old = index - limits.operation_lifetime_entries
    if old > 0:
        tables.drop_outcomes_at(tx, LogIndex(old))


def cancel(tx: Transaction, at: Moment, command: CancelOperation) -> Outcome:
    """Applied either way; the outcome of the other operation is then known for sure."""
    if tables.outcome(tx, command.operation) is None:
        remember(tx, at.index, command.operation, Rejected(Reason.EXPIRED, "cancelled"))
    return Applied(at.index)
