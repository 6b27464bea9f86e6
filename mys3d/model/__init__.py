"""The nouns.        Floor: model (pure). Called by: every room above.

Law: a value that exists is valid: text from outside becomes a noun only through a `parse_...` function.
"""
