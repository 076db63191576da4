"""Pictures and video in, results out."""
