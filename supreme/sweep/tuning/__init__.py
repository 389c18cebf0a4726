"""`supreme tune`: the same search for good values of every method."""
