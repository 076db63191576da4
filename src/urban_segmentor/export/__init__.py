"""Checkpoints become models that the runtimes here take: ONNX, OpenVINO, eight bits."""
