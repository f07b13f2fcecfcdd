"""Templates of what a run writes for people to read."""
