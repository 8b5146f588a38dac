"""Tables and repositories of integration, and the client that posts."""
