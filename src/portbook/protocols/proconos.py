"""ProConOS (runtime of several vendors' controllers): CC, and an answer that names the runtime.

There is no public specification; what stands here was read from real conversations.
"""

from __future__ import annotations

from portbook.addresses import Scope
from portbook.ports import PortRange, Transport
from portbook.protocols import Payload, Protocol, Signature, Usual, plausible
from portbook.records import Identification, Source

NAME = "proconos"
WHO = bytes.fromhex("cc01000b4002000047ee")  # ask for the runtime's information
MARK, RUNTIME = b"\xcc\x00", b"ProConOS"
PROJECT_AT, PROJECT_SIZE = 78, 33


def recognise(payload: Payload) -> Identification | None:
    """Name ProConOS by its answer to who it is: plausible at most, by the one exchange known."""
    if payload.transport is not Transport.TCP:
        return None
    asked, answered = payload.to_server.octets, payload.to_client.octets
    question = asked.startswith(WHO)
    server = identity(answered)
    if answered and not server:
        return None
    if question and server:
        because = ("the question who it is", "an answer that names the runtime")
        return plausible(NAME, *because, server=server)
    if question and not answered:
        return plausible(NAME, "the question who it is, octet by octet")
    if server and not asked:
        return plausible(NAME, "an answer that names the runtime", server=server)
    return None


def identity(octets: bytes) -> dict[str, str]:
    """Return runtime and project of an answer, nothing when it is none."""
    at = octets.find(RUNTIME, 0, PROJECT_AT)
    if not octets.startswith(MARK) or at < 0:
        return {}
    parts = [part.decode("latin-1").rstrip() for part in octets[at:].split(b"\0")]
    runtime = parts[0]
    if not runtime.isprintable() or len(runtime) > PROJECT_SIZE:
        return {}
    version = runtime.removeprefix(RUNTIME.decode()).split()
    told = {"product": RUNTIME.decode(), "version": version[0] if version else ""}
    project = octets[PROJECT_AT : PROJECT_AT + PROJECT_SIZE].split(b"\0", 1)[0].decode("latin-1")
    if project.isprintable():
        told["project"] = project.rstrip()
    return {key: value for key, value in told.items() if value}


PROTOCOL = Protocol(
    name=NAME,
    title="ProConOS (controller runtime)",
    recognise=recognise,
    sources=(
        Source("Nmap, proconos-info.nse", "2014", "question, offsets of the answer"),
        Source("Capture of a ProConOS V4.2.0214", None, "question and answer"),
    ),
    signatures=(
        Signature(Transport.TCP, 0, WHO[:4]),
        Signature(Transport.TCP, 0, MARK),
    ),
    usual=(Usual(PortRange(20547, 20547), Transport.TCP, confidence="two sources"),),
    stays_inside=Scope.PRIVATE,
    safety=(
        "ProConOS takes programs and stop commands from anyone who reaches the port. Keep it "
        "inside the control network."
    ),
)
