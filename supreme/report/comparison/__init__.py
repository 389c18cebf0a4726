"""Two sweeps side by side: what differs between two output folders, or between two commits of one, paired by seeds."""
