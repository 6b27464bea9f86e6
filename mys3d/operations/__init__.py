"""One function per S3 operation, and the life of a request.        Floor: operations. Called by: web.

Law: an operation is declared once, in the table; route, permission, parameters and compatibility page follow from it.
"""
