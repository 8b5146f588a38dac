"""Digital twins of fleets, and the people around them."""
