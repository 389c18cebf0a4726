"""The page of a sweep while it runs: `supreme report --serve`."""
