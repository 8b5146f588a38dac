"""What goes wrong between a device and the broker, one file each; ``path`` applies them."""
