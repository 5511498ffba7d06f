"""Asks a server of TensorFlow Serving's protocol, over gRPC or REST."""
