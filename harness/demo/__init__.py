"""The presenter's page: two worlds on one seed, live."""
