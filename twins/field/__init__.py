"""The people around a fleet: customer, supplier, crew, caretaker."""
