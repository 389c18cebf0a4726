"""The Python API: what `supreme.evaluate`, `supreme.unlearn` and `supreme.sweep` do."""
