"""The evaluation card: each sentence of it is computed from rows, configs, declarations or the tidy frame."""
