"""Honest stand-ins for devices, for tests and demos."""
