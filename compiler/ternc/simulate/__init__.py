"""Running a build: its RTL in a simulator, compared with the golden model and with the ONNX model."""
