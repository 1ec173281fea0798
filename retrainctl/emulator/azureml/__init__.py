"""Azure Machine Learning v2 (`Microsoft.MachineLearningServices`): models, endpoints, deployments, scoring."""
