"""Figures by the official rules: AP, PQ, mIoU."""
