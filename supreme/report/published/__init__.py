"""What others published, as data; ours beside it; and a check of the arithmetic of such tables."""
