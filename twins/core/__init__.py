"""What every product shares: time, chance, wear, sensors, devices, truth."""
