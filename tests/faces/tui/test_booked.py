"""What the full screen asks of the book is what the book can be asked."""

from __future__ import annotations

from pathlib import Path

from portbook.book import Asked, Book
from portbook.faces.tui import booked


def test_every_order_is_one_that_the_book_knows(tmp_path: Path) -> None:
    with Book.open(tmp_path / "book") as book:
        for (tab, column), name in booked._ORDERS.items():
            for down in (False, True):
                order = booked.order(tab, column, down)
                assert name == order.removeprefix("-")
                assert 0 == book.listed(tab.removesuffix("s"), Asked(order=order)).counted
