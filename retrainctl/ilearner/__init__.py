"""Reads Studio's model files without instantiating anything; compares, converts and scores them. See docs."""
