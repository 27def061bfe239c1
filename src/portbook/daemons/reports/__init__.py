"""How the receiver stands, for whoever asks."""
