"""Training with Ultralytics; with `export` the only room that may import torch."""
