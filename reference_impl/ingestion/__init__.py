"""What devices send: decoding, deduplication, dead letters, the telemetry store."""
