"""What devices are told: commands and what became of them."""
