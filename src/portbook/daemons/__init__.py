"""The only loops: receiver, watchdog, and what they are made of."""
