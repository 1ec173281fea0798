"""The embedded control plane: a real HTTP server on loopback that behaves as the recorded services did."""
