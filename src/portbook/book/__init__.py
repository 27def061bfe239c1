"""The book: where all of it is kept, one SQLite file.

`Book.open` gives it; `sqlite3` is imported only then. What makes two sightings the same thing,
and what counts as a change, stands in `entries`; what is gone, in `store`.
"""

from portbook.book.changes import Change
from portbook.book.listings import Asked, Listed
from portbook.book.sightings import Seen, service_of
from portbook.book.store import Book, Size

__all__ = ["Asked", "Book", "Change", "Listed", "Seen", "Size", "service_of"]
