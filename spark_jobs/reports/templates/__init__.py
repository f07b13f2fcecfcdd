"""Templates of the build report."""
