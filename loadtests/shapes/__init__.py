"""Load shapes: how many devices are up at which moment."""
