"""The management API of Studio (classic): workspaces' web services and their endpoints."""
