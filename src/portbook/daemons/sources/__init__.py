"""What comes in: sockets, upstream servers, who may send, and the heart that takes it."""
