"""What a simulated device does inside Locust: its connection, its schedule, its records."""
