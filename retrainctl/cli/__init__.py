"""The command line: one file per command that parses, calls an operation, shows the result. No logic."""
