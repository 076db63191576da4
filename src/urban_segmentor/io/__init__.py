"""Readers for images, video files and live streams, and writers for results."""
