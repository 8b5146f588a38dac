"""What every context stands on: errors, ids, the store and its unit of work, timers, the bus."""
