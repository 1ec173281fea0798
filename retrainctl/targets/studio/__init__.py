"""The Studio API of a Classic workspace (classic-api.md section 6)."""
