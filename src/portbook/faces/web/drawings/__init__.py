"""Drawings as SVG, made on the server by pure functions: records in, markup and geometry out.

Every text is escaped, colour comes from classes of `static/drawings.css` and is never alone, and no
element carries a style attribute, since the pages' content policy forbids it. The words of a
drawing are given by the caller, in the reader's language.
"""
