"""Classic web services and their endpoints: the management API of Studio (classic)."""
