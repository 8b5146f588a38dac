"""Revisions of the store, run by Alembic."""
