"""Arithmetic that several components share."""
