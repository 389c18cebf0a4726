"""Several exports as one leaderboard."""
