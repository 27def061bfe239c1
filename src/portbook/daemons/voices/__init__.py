"""How daemons speak: log, alarms and every way that they go."""
