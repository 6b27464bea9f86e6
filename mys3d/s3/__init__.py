"""The S3 language, without any input or output.        Floor: s3 (pure). Called by: operations, web.

Law: a parser is fed values and returns values; it does not know who feeds it.
"""
