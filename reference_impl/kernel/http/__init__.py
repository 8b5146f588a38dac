"""The HTTP side that all contexts share: error bodies, checked bodies, idempotent answers."""
