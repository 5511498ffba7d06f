"""Load on a TensorFlow Serving endpoint, timed from when each request should have been sent."""
