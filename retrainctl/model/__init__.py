"""The vocabulary as frozen, typed values (DESIGN.md section 2). No I/O."""
