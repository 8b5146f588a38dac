"""Collection rounds: which containers are emptied today, by which truck, in which order."""
