"""Where tasks run: on this machine, on Slurm, on Ray, or nowhere (dry run)."""
