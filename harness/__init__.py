"""The harness: one clock, one seed; scenarios, drivers, checks, reports and the command line."""
