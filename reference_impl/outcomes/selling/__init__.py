"""What is sold beside parts: plans, features, shared use; and what is charged for it."""
