"""The one place that wires evidence, identification, claims and judge."""
