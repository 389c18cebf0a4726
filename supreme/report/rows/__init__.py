"""Rows: read, named, selected, as one tidy frame."""
