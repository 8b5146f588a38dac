"""Ways into the DPS: the process with its HTTP and MQTT ends, and the pages."""
