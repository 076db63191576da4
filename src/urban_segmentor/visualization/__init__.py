"""Draws instances on pictures and on video planes."""
