"""Load tests that account for every message: Locust users, shapes, tapes, the delivery ledger."""
