"""Ways to carry bytes between devices and a service: ``memory`` and ``mqtt`` (ports in port.py)."""
