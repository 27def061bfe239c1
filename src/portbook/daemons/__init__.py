"""The only loops: the REF TEK receiver and its watchdog, and the one that watches an interface."""
