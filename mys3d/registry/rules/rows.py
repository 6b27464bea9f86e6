"""Rules that look after the rows themselves.        Floor: registry (pure).

Law: neither changes a row. Every node that applies them does something off the log: it names its rows as they are
behind this entry, or makes them anew. consensus/comparing.py does it.
"""

from mys3d.errors import Reason, Rejected
from mys3d.registry import tables
from mys3d.registry.commands import CompareRows, CondemnRows
from mys3d.registry.moment import Moment
from mys3d.registry.outcomes import Applied, Outcome
from mys3d.registry.transaction import Transaction


def compare(tx: Transaction, at: Moment, command: CompareRows) -> Outcome:
    return Applied(at.index)


def condemn(tx: Transaction, at: Moment, command: CondemnRows) -> Outcome:
    if tables.member(tx, command.node) is None:
        return Rejected(Reason.NO_SUCH_MEMBER, command.node)
    return Applied(at.index)
