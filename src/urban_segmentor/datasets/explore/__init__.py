"""What is in a data set: counts, plots, contact sheets."""
