"""Scores a model, or saved results of any tool, over a split of Cityscapes."""
