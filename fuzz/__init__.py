"""Fuzz targets: hostile octets for all that reads what others sent. Run them with `scripts/fuzz`.

A target is a function of octets that raises when something is wrong; `families` finds them all.
Where atheris is there it guides them by coverage, else the driver of our own mutates the seeds.
What was ever found stands in `found.py`, and is run again by the tests.
"""
