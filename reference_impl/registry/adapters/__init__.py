"""Tables and repositories of registry."""
