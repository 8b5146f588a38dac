"""The command line: one file per command, each light until it is called."""
