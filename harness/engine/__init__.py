"""The engine: runs a scenario, tells what happens, hashes it, and writes it down."""
