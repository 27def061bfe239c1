"""Programs of their own that read and listen for the server, and may die of what they are given."""
