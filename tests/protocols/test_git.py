"""Git: the request in a counted line, and the lines that answer it."""

from __future__ import annotations

import pytest
from support.examples import PLAUSIBLE, Example, unhex

from portbook.ports import Transport
from portbook.protocols import Payload
from portbook.protocols.git import recognise

TCP = Transport.TCP
ASK_2 = unhex(
    "303033626769742d75706c6f61642d7061636b202f612e67697400686f73743d3132372e302e302e313a3339343138000076657273696f6e3d3200"
)
ANSWER_2 = unhex("""
    3030306576657273696f6e20320a303031356167656e743d6769742f322e33392e350a303031336c732d72656673
    3d756e626f726e0a3030323066657463683d7368616c6c6f7720776169742d666f722d646f6e650a303031327365
    727665722d6f7074696f6e0a303031376f626a6563742d666f726d61743d736861310a303031306f626a6563742d
    696e666f0a3030303030303330756e626f726e20484541442073796d7265662d7461726765743a726566732f6865
    6164732f6d61737465720a3030336438626139313435323564646333306562326436616339633565396561316265
    62363431316133656620726566732f68656164732f6d61696e0a30303030
""")
ASK = unhex(
    "303033306769742d75706c6f61642d7061636b202f612e67697400686f73743d3132372e302e302e313a333934313800"
)
ANSWER = unhex("""
    30306632386261393134353235646463333065623264366163396335653965613162656236343131613365662072
    6566732f68656164732f6d61696e006d756c74695f61636b207468696e2d7061636b20736964652d62616e642073
    6964652d62616e642d36346b206f66732d64656c7461207368616c6c6f772064656570656e2d73696e6365206465
    6570656e2d6e6f742064656570656e2d72656c6174697665206e6f2d70726f677265737320696e636c7564652d74
    6167206d756c74695f61636b5f64657461696c6564206f626a6563742d666f726d61743d73686131206167656e74
    3d6769742f322e33392e350a30303030
""")

EXAMPLES = [
    Example(
        "version 2, captured from git 2.39 on loopback, 2026-11-21",
        Payload.of(TCP, [ASK_2], [ANSWER_2]),
        "git",
        facts={"service": "upload-pack"},
        server={"product": "git", "version": "2.39.5"},
    ),
    Example(
        "version 0, captured from git 2.39 on loopback, 2026-11-21",
        Payload.of(TCP, [ASK], [ANSWER]),
        "git",
        server={"product": "git", "version": "2.39.5"},
    ),
    Example("the request alone", Payload.of(TCP, [ASK]), "git", PLAUSIBLE),
]


@pytest.mark.parametrize(
    ("why", "asked", "answer"),
    [
        ("a length past the end", b"00ff" + ASK[4:], b""),
        ("a count that is none", b"00g0" + ASK[4:], b""),
        ("another service", ASK.replace(b"upload-pack", b"upload-hack"), b""),
        ("no path", ASK.replace(b" /", b" x"), b""),
        ("an answer of something else", ASK, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("lines that list nothing", ASK, b"0009hello"),
    ],
)
def test_what_does_not_fit_is_not_git(why: str, asked: bytes, answer: bytes) -> None:
    told = recognise(Payload.of(TCP, [asked] if asked else [], [answer] if answer else []))

    assert told is None, why
