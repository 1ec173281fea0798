"""The Blob service: the part of its REST API that model files and training data need, `/ACCOUNT/CONTAINER/BLOB`."""
