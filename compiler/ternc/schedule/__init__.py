"""Network to Design: taps, tiles, array shapes, memories, cycles. Knows hardware and nothing of ONNX."""
