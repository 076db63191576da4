"""Street pictures as they come, segmented and shown at once: what `urban-segmentor live` does."""
