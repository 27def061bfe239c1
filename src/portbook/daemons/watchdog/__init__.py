"""The watchdog: what it hears, how it decides, and the child in its hands."""
