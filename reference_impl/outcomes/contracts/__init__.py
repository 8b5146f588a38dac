"""What was promised, and whether it was kept: contracts, measured periods, exclusions, credits."""
