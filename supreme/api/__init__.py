"""The Python API: what `import supreme` offers, each in a module of its own that is imported when it is called."""
