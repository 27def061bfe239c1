"""The receiver as a process."""
