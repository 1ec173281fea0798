"""Declarative plan and apply for retrained Azure Machine Learning models."""
