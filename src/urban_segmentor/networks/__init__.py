"""Networks of our own, in PyTorch; below `exporters` and `training`, which import it as well."""
