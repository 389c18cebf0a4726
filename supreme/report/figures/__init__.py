"""Figures, for a paper."""
