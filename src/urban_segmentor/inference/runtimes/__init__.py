"""The runtimes that execute an exported network."""

import sys

# OpenVINO starts a process each time it is imported, which tells its makers over the network, and
# asks nobody. Without this module it has nothing to tell them with.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
