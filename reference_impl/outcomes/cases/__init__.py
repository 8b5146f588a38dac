"""What it is worth: business cases from both sides, life cycles."""
