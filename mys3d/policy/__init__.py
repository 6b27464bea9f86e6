"""Who may do what.        Floor: policy (pure). Called by: operations.

Law: a decision depends on its arguments alone, and what is not allowed is refused.
"""
