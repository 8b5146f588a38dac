"""Tables and repositories of ingestion."""
