"""Evaluation of a model or of saved predictions on a split of Cityscapes."""
