"""The replicated state machine over an ordered key-value store.        Floor: registry (pure).

Law: the same log gives the same rows on every node: rules are total and deterministic, and know only a `Transaction`.
"""
