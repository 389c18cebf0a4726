"""Experiment trackers: what they are told, and when."""
