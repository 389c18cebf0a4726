"""One cell, from its config to its row: training, unlearning, evaluation."""
