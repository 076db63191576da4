"""Cityscapes on disk: downloaded, checked, converted and looked at."""
