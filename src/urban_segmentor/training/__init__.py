"""Training, export and quantization; alone may import torch, Ultralytics and NNCF."""
