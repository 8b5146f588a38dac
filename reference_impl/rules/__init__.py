"""Rule packs, alerts and reactions."""
