"""Benchmark of models: speed and accuracy by runtime, precision and input size."""
