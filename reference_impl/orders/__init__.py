"""Parts, policies, needs, recommendations, orders."""
