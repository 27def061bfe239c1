"""An FTP server's control connection: greets, tells its system, lets nobody in.

Source: RFC 959, sections 4.1, 4.2 and 5.4. Names and passwords are neither kept nor counted.
"""

from __future__ import annotations

from portbook.emulators.controllers import Device, Door, Framed, Plate
from portbook.ports import Transport

LONGEST_LINE = 512
MOST_REFUSED = 3  # log-ins of one connection
HELP = "502 HELP command not implemented, or not allowed."  # what Opto 22's answers
NEEDS_LOGIN = frozenset(
    (
        *("ACCT", "CWD", "XCWD", "CDUP", "XCUP", "REIN", "PORT", "PASV", "EPRT", "EPSV", "TYPE"),
        *("STRU", "MODE", "RETR", "STOR", "STOU", "APPE", "ALLO", "REST", "RNFR", "RNTO", "ABOR"),
        *("DELE", "RMD", "XRMD", "MKD", "XMKD", "PWD", "XPWD", "LIST", "NLST", "MLSD", "MLST"),
        *("SITE", "STAT", "SIZE", "MDTM"),
    )
)
NOT_THERE = frozenset(("FEAT", "OPTS", "AUTH", "PBSZ", "PROT", "HOST", "SMNT", "CLNT"))


class Ftp(Device):
    """A server. Without a product its greeting has the vendor's name alone."""

    kind = "ftp"
    title = "FTP server, control connection"
    usual = Plate("portbook", "portbook", "stand-in", "1.0")
    carries = ("name", "vendor", "product", "version")
    doors = (Door(Transport.TCP, 21),)

    def session(self, now_ns: int) -> Framed:
        """Return a session that greets."""
        return _Control(self)

    @property
    def greeting(self) -> str:
        """Return the greeting: `220 NAME FTP server (PRODUCT VERSION) ready.`"""
        plate = self.plate
        if not plate.product:
            return f"220 {plate.vendor} FTP server ready."
        # a vendor whose name begins the product's is not told twice
        names = [plate.product, plate.version]
        if plate.vendor and not plate.product.startswith(plate.vendor):
            names.insert(0, plate.vendor)
        told = " ".join(filter(None, names))
        return f"220 {plate.name} FTP server ({told}) ready.".replace("  ", " ")


class _Control(Framed):
    device: Ftp
    largest = LONGEST_LINE

    def __init__(self, device: Ftp) -> None:
        super().__init__(device)
        self._named = False
        self._refused = 0

    def begin(self, now_ns: int) -> bytes:
        """Greet: the server speaks first."""
        return _line(self.device.greeting)

    def measure(self, octets: bytes) -> int | None:
        """Tell the length of the line at the start."""
        end = octets.find(b"\n")
        if end < 0:
            return 0 if len(octets) < self.largest else None
        return end + 1

    def answer(self, message: bytes, now_ns: int) -> bytes:
        """Answer one command."""
        word = message.strip(b"\r\n").split(b" ", 1)[0].upper()
        command = word.decode("ascii", "replace")
        known = command in NEEDS_LOGIN | NOT_THERE | {"USER", "PASS", "SYST", "HELP", "NOOP"}
        self.device.tally.note(command if known or command == "QUIT" else "no command of FTP")
        return _line(self._reply(command))

    def lost(self) -> bytes:
        """Refuse a line that does not end."""
        return _line("500 Line too long.")

    def _reply(self, command: str) -> str:
        if command == "USER":
            self._named = True
            return "331 Password required."
        if command == "PASS":
            return self._password()
        if command == "QUIT":
            self.ended = True
            return "221 Goodbye."
        told = {"SYST": "215 UNIX Type: L8", "NOOP": "200 NOOP command successful.", "HELP": HELP}
        if command in told:
            return told[command]
        if command in NEEDS_LOGIN:
            return "530 Please log in with USER and PASS."
        if command in NOT_THERE:
            return f"502 {command} command not implemented."
        self.device.tally.strange += 1
        return "500 Command not understood."

    def _password(self) -> str:
        if not self._named:
            return "503 Log in with USER first."
        self._named = False
        self._refused += 1
        self.ended = self._refused >= MOST_REFUSED
        return "530 Login incorrect."


def _line(text: str) -> bytes:
    return text.encode() + b"\r\n"
