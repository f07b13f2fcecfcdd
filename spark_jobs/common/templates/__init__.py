"""Templates of what is written for people to read, and the style that all pages share."""
