"""What is kept: artefacts and rows, who is making them, and what they depend on."""
