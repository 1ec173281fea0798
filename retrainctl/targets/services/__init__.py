"""The services API: scoring and batch jobs, one client for Classic endpoints and New services (classic-api.md 5)."""
