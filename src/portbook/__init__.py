"""portbook: what is really on this port, and should it be?"""

__version__ = "0.1.0"
