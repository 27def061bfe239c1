"""Who is at fault shows in the type of an error.

Each message says what, where and what next; the command line prints it as it stands.
"""


class UsageError(ValueError):
    """You: an argument, a setting or a file of yours says something that cannot be."""


class SourceError(Exception):
    """A source: a capture, a registry file, a book that cannot be read, or not further.

    offset: octets from the start of the file where reading stopped, None when it never began
    """

    def __init__(self, message: str, *, offset: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset


class PeerError(Exception):
    """The other side: a device or program that answered with bytes that cannot be."""
