"""Templates of the dataset card and of the build report."""
