"""The services API: request-response scoring, batch jobs, and each service's description."""
