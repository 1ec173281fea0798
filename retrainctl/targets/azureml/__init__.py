"""Azure Machine Learning v2: online and batch endpoints, deployments, registered models."""
