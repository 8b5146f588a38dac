"""Who goes where and when: daily plans of technicians (FS6), and their load (FS14)."""
