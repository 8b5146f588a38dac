"""Work orders and the register of what was fitted."""
