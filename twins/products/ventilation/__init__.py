"""A ventilation unit with filters, heat recovery and rooms on demand control."""
