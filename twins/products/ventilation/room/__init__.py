"""A room of a ventilation unit and its wireless node: a companion of the unit."""
