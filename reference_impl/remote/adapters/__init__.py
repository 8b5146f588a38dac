"""Tables and repositories of remote."""
