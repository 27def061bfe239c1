"""The workshop behind the REF TEK door: packets become samples, segments, miniSEED, an archive."""
