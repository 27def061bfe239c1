"""The archiver: a process that follows the spool, and who keeps it at work."""
