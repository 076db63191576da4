"""Training, export and quantisation; alone may import torch, Ultralytics and NNCF."""
