"""A sewage pump station with submersible pumps."""
