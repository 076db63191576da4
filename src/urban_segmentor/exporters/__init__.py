"""Export of checkpoints to ONNX and OpenVINO, in float or INT8."""
