"""What goes to other systems and what they may ask: signed webhooks, and explanations."""
