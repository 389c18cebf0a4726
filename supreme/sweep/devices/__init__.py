"""The devices of this machine: which there are, and what memory others leave."""
