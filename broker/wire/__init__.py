"""Topics, messages, units and codecs: the one place where the wire is defined."""
