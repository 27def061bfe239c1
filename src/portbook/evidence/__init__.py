"""What is there: sockets, packets, conversations, rhythm."""
