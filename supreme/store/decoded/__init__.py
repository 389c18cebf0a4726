"""Decoded data, kept on disk and memory-mapped: what a source gives, once for all processes."""
