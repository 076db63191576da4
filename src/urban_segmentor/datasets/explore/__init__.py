"""Data set exploration: statistics, plots and contact sheets."""
