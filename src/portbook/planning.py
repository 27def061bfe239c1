"""Which ports are free for a use, and why not the others."""
