"""What the receiver is told: settings, their reference, and what changes while it runs."""
