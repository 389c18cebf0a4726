"""Results that leave their machine: what an export of rows holds beside them, and the leaderboard of many exports."""
