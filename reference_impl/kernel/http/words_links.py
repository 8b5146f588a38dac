"""Names of fields about linked systems, and what they mean; see :mod:`vocabulary`."""

TABLE = """
back_secret: What a connector signs with what it tells; empty: it is none
connector: Id of a connector
details: What a status brings with it
external_id: What the other system calls it; empty: it did not say
problem: Why it did not count; empty: it did
refused: How many deliveries the receiver refused for good
said_ms: When it was so, by the clock of who said it
waiting: How many deliveries wait
waiting_since_ms: When the oldest that waits happened; null: none waits
words: What it calls states, each with the state that is meant
"""
