"""Live sources: cameras, network streams, the screen, and files in real time."""
