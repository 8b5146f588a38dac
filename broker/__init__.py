"""The wire: message types and topics, embedded brokers, links, network faults, delivery ledger.

Imports nothing of ours. Who needs a running broker calls :func:`broker.servers.open_broker`.
"""
