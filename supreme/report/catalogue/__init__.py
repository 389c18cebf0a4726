"""What there is: the methods and metrics, read from their files."""
