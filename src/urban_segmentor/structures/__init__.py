"""The values that flow through everything: frames, instances, masks, maps; NumPy only."""
