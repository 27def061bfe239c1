"""The pages, one file each: `routes` lists its handlers, nothing else has to be told."""
