"""A server of TensorFlow Serving's protocol for development, and the page that it can show."""
