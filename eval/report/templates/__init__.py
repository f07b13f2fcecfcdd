"""Templates of the pages of the evaluation."""
