"""What is said of a port: the registry, documented uses, vendors' policies, the site's own word."""
