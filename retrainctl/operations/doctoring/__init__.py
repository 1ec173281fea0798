"""Why would an apply fail here? Checks of an environment, each on its own: one that fails never hides the others."""
