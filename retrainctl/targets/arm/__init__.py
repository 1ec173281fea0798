"""New web services and commitment plans in Azure Resource Manager (`Microsoft.MachineLearning`)."""
