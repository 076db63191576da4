"""Training of one network for things and surfaces; see `docs/training.md`."""
