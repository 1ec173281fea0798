"""Training runs: batch jobs as a state machine, evaluations, gates."""
