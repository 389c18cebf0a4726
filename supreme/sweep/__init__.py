"""Many cells: planned together, scheduled on what there is to run on, shown while they run."""
