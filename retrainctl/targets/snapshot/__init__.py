"""Snapshots: exported definition JSON as live state, without network and without credentials."""
