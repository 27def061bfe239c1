"""How people and programs meet portbook."""
