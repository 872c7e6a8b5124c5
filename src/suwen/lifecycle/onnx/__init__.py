"""ONNX files made smaller."""
