"""The training engine: runs the module graph of a web service, training and scoring included."""
