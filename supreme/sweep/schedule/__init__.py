"""Which task runs next, and what becomes of it, wherever it runs."""
