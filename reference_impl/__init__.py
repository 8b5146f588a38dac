"""The reference DPS: ingestion, insight, rules, orders, maintenance, outcomes, remote control."""
