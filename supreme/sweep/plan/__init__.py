"""From a command line to tasks: composing cells, and finding which results are missing."""
