"""Networks of our own, in PyTorch: with `exporters` and `training` the only room that imports it."""
