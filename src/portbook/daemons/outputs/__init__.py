"""What goes out: clients of the ring, SeedLink, and servers that are fed."""
