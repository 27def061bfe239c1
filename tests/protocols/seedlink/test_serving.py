"""Dialogues of SeedLink clients of versions 3 and 4, line by line; hostile ones too."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import unhex

from portbook.protocols.seedlink import serving
from portbook.protocols.seedlink.serving import Session
from portbook.protocols.seedlink.telling import About, StationTold, StreamTold
from portbook.protocols.seedlink.wanting import Request, Select, Start, Station, Wanted

NOW = 1_790_000_000_000_000_000
ABOUT = About("portbook/1.0", 'Büro "A&B" <1>', NOW)
STREAM = StreamTold("00", "HHZ", "00_H_H_Z", NOW, NOW + 10**9)
HERE = [
    StationTold("XX", "ALFA", 0, 40, 0, 2560, (STREAM,)),
    StationTold("XX", "BRAVO", 4, 44, 256, 2816, (STREAM, STREAM._replace(channel="HHN"))),
]


class Told:
    """A catalogue that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, str | None]] = []

    def __call__(self, station: str | None, stream: str | None) -> list[StationTold]:
        self.asked.append((station, stream))
        return HERE


def session() -> Session:
    return Session(ABOUT, Told())


def play(lines: Iterable[str], made: Session | None = None) -> tuple[Session, list[str]]:
    """Say lines, return what was answered to each."""
    one = made or session()
    return one, [one.feed(f"{line}\r\n".encode(), NOW).decode("latin-1") for line in lines]


def texts(octets: bytes) -> str:
    """Return the text of INFO packets of version 3; asserts what surrounds it."""
    packets = [octets[at : at + 520] for at in range(0, len(octets), 520)]
    assert [b"SLINFO *"] * (len(packets) - 1) + [b"SLINFO  "] == [one[:8] for one in packets]
    return b"".join(one[64:].rstrip(b"\0") for one in packets).decode("ascii")


def test_the_greeting_tells_what_we_are_in_two_lines() -> None:
    # The question as a client sends it; first line as SeedLink 4.0, HELLO, wants it.
    answer = session().feed(unhex("48454c4c4f0d0a"), NOW)

    assert (
        b"SeedLink v4.0 (portbook/1.0) :: SLPROTO:4.0 SLPROTO:3.1 CAP EXTREPLY NSWILDCARD BATCH "
        b'TIME\r\nB?ro "A&B" <1>\r\n'
    ) == answer


def test_a_handshake_of_version_4() -> None:
    one, answers = play(
        [
            "SLPROTO 4.0",
            "USERAGENT slinktool/4.5 libslink/4.1.0",
            "STATION XX_ALFA",
            "SELECT *_H_H_?.2D",
            "SELECT !*_Z",
            "DATA 1405339897",
            "STATION GE_*",
            "DATA ALL 2026-09-21T14:13:20Z 2026-09-21T14:13:21Z",
            "STATION YY_*",
            "END",
        ]
    )

    assert ["OK\r\n"] * 9 + [""] == answers
    assert "slinktool/4.5 libslink/4.1.0" == one.program
    assert (
        Request(
            4,
            Wanted(
                (
                    Station("XX_ALFA", (Select("*_H_H_?"), Select("*_Z", out=True))),
                    Station("GE_*"),
                    Station("YY_*"),
                )
            ),
            (
                Start(1405339897),
                Start(None, oldest=True, begin_ns=NOW, end_ns=NOW + 10**9),
                Start(),
            ),
        )
        == one.request
    )


def test_a_handshake_of_version_3_with_several_stations() -> None:
    one, answers = play(
        [
            "STATION  ALFA XX",
            "SELECT 00HH?.D",
            "SELECT !00HHN.D",
            "DATA 0x1b 2026,09,21,14,13,20",
            "STATION BRAVO",
            "SELECT",
            "DATA",
            "END",
        ]
    )

    assert ["OK\r\n"] * 7 + [""] == answers
    assert (
        Request(
            3,
            Wanted(
                (
                    Station(
                        "XX_ALFA",
                        (Select("00HH?", old=True), Select("00HHN", out=True, old=True)),
                    ),
                    Station("*_BRAVO"),
                )
            ),
            (Start(0x1B, check_ns=NOW), Start()),
        )
        == one.request
    )


def test_without_a_station_data_follow_at_once() -> None:
    one, answers = play(["SELECT HHZ", "DATA 00001A"])

    assert ["OK\r\n", ""] == answers
    assert (
        Request(3, Wanted((Station("*", (Select("??HHZ", old=True),)),)), (Start(0x1A),))
        == one.request
    )


def test_a_window_of_version_3() -> None:
    one, _ = play(["TIME 2026,09,21,14,13,20 2026,09,21,14,13,21"])

    assert one.request is not None
    assert (Start(None, True, NOW, NOW + 10**9),) == one.request.starts


@pytest.mark.parametrize(
    "lines",
    [
        ["FETCH"],
        ["STATION ALFA XX", "FETCH", "END"],
        ["SLPROTO 4.0", "STATION XX_ALFA", "DATA", "ENDFETCH"],
        ["SLPROTO 4.0", "STATION XX_ALFA", "FETCH ALL", "END"],
    ],
)
def test_only_what_is_there_is_wanted_of_a_dial_up_client(lines: list[str]) -> None:
    one, _ = play(lines)

    assert one.request is not None
    assert one.request.dialup


def test_a_batch_is_answered_once() -> None:
    one, answers = play(["BATCH", "STATION ALFA XX", "SELECT nonsense", "DATA", "END"])

    assert ["OK\r\n", "", "", "", ""] == answers
    assert one.request is not None


def test_commands_may_follow_without_waiting_for_answers() -> None:
    lines = b"hello\nslproto 4.0\r\r\nStation XX_ALFA\rDATA\r\nEND\r"
    whole, bit_by_bit = session(), session()

    answer = whole.feed(lines, NOW)

    assert answer == b"".join(bit_by_bit.feed(bytes((one,)), NOW) for one in lines)
    assert whole.request is not None
    assert whole.request == bit_by_bit.request


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["SLPROTO 5.0"], "ERROR\r\n"),
        (["SLPROTO 4.0", "FROB"], "ERROR UNSUPPORTED no such command\r\n"),
        (
            ["SLPROTO 4.0", "AUTH USERPASS ada secret"],
            "ERROR UNSUPPORTED no authentication is needed or offered here\r\n",
        ),
        (["AUTH USERPASS ada secret"], "ERROR\r\n"),
        (["SLPROTO 4.0", "END"], "ERROR UNEXPECTED no STATION was accepted\r\n"),
        (["SLPROTO 4.0", "DATA"], "ERROR UNEXPECTED no STATION before it was accepted\r\n"),
        (
            ["SLPROTO 4.0", "STATION A B"],
            "ERROR ARGUMENTS STATION takes one station id, NET_STA\r\n",
        ),
        (["SLPROTO 4.0", "STATION A_B", "SELECT"], "ERROR ARGUMENTS SELECT takes a pattern\r\n"),
        (["SLPROTO 4.0", "BATCH"], "ERROR UNSUPPORTED BATCH is of version 3\r\n"),
        (["STATION A B", "SLPROTO 4.0"], "ERROR\r\n"),
        (
            ["CAPABILITIES EXTREPLY", "STATION ( B"],
            "ERROR\rARGUMENTS a station id has letters, digits, _ * and ?\r\n",
        ),
        (["STATION ( B", "DATA"], "ERROR\r\n"),  # nobody is taken for a client of everything
        (["STATION ( B", "END"], "ERROR\r\n"),
    ],
)
def test_refusals_are_polite_and_end_nothing(lines: list[str], answer: str) -> None:
    one, answers = play(lines)

    assert answer == answers[-1]
    assert (None, None) == (one.ended, one.request)
    assert "secret" not in repr(vars(one))


def test_while_data_flow_only_questions_and_good_bye_are_heard() -> None:
    one, answers = play(["DATA", "STATION ALFA XX", "DATA", "INFO ID", "BYE"])

    assert ["", "", ""] == answers[:3]
    assert answers[3].startswith("SLINFO  000001D INFO   INFSL")
    assert 2 == one.oddities["command-while-streaming"]
    assert "said BYE" == one.ended


def test_information_of_version_3_is_text_in_records() -> None:
    one = session()

    root = ET.fromstring(texts(one.feed(b"INFO STREAMS\r\n", NOW)))

    assert ABOUT.hello == root.attrib["software"]
    assert 'Büro "A&B" <1>' == root.attrib["organization"]
    assert "2026/09/21 14:13:20.0000" == root.attrib["started"]
    found = [(one.attrib["network"], one.attrib["name"], len(one)) for one in root]
    assert [("XX", "ALFA", 1), ("XX", "BRAVO", 2)] == found
    assert ("000000", "000028") == (root[0].attrib["begin_seq"], root[0].attrib["end_seq"])
    assert {
        "location": "00",
        "seedname": "HHZ",
        "type": "D",
        "begin_time": "2026/09/21 14:13:20.0000",
        "end_time": "2026/09/21 14:13:21.0000",
        "begin_recno": "0",
        "end_recno": "0",
        "gap_check": "disabled",
        "gap_treshold": "0",
    } == root[0][0].attrib


def test_the_other_levels_of_version_3() -> None:
    one = session()
    ident = ET.fromstring(texts(one.feed(b"INFO ID\r\n", NOW)))
    able = ET.fromstring(texts(one.feed(b"INFO CAPABILITIES\r\n", NOW)))
    stations = ET.fromstring(texts(one.feed(b"INFO STATIONS\r\n", NOW)))

    assert 0 == len(ident)
    assert {"multistation", "window-extraction", "info:streams", "SLPROTO:4.0"} <= {
        one.attrib["name"] for one in able
    }
    assert [0, 0] == [len(one) for one in stations]


@pytest.mark.parametrize("level", ["CONNECTIONS", "GAPS", "ALL", "NONSENSE", ""])
def test_levels_that_are_refused_come_back_as_an_error_record(level: str) -> None:
    one = session()

    answer = one.feed(f"INFO {level}\r\n".encode(), NOW)

    assert b"ERR" == answer[8 + 15 : 8 + 18]
    assert 1 == one.oddities["refused-info"]


def info_4(one: Session, line: str) -> tuple[bytes, dict[str, object]]:
    answer = one.feed(f"{line}\r\n".encode(), NOW)
    length = int.from_bytes(answer[4:8], "little")
    assert (b"SE", bytes(9), 17 + length) == (answer[:2], answer[8:17], len(answer))
    return answer[2:4], json.loads(answer[17:])


def test_information_of_version_4_is_json() -> None:
    one, _ = play(["SLPROTO 4.0"])

    kind, told = info_4(one, "INFO STREAMS XX_* *_Z")

    assert b"JI" == kind
    assert (ABOUT.hello, ABOUT.organisation) == (told["software"], told["organization"])
    assert {
        "id": "XX_ALFA",
        "description": "XX_ALFA",
        "start_seq": 0,
        "end_seq": 2560,
        "backfill": -1,
        "stream": [
            {
                "id": "00_H_H_Z",
                "format": "2",
                "subformat": "D",
                "origin": "native",
                "start_time": "2026-09-21T14:13:20.000000Z",
                "end_time": "2026-09-21T14:13:21.000000Z",
            }
        ],
    } == told["station"][0]  # type: ignore[index]
    assert [("XX_*", "*_Z")] == one._catalogue.asked  # type: ignore[attr-defined]
    assert "format" in info_4(one, "INFO FORMATS")[1]
    assert "SLPROTO:4.0" in info_4(one, "INFO CAPABILITIES")[1]["capability"]  # type: ignore[operator]
    assert b"JI" == info_4(one, "info id")[0]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("INFO CONNECTIONS", "UNAUTHORIZED"),
        ("INFO NONSENSE", "ARGUMENTS"),
        ("INFO", "ARGUMENTS"),
        ("INFO STREAMS a b c", "ARGUMENTS"),
        ("INFO STREAMS (", "ARGUMENTS"),
    ],
)
def test_refused_questions_of_version_4_are_answered_in_json(line: str, code: str) -> None:
    one, _ = play(["SLPROTO 4.0"])

    kind, told = info_4(one, line)

    assert b"JE" == kind
    assert code == told["error"]["code"]  # type: ignore[index]


def test_an_answer_beyond_all_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portbook.protocols.seedlink.telling.LARGEST_INFO", 300)
    one, _ = play(["SLPROTO 4.0"])

    assert b"JE" == info_4(one, "INFO STREAMS")[0]
    assert b"ERR" == session().feed(b"INFO STREAMS\r\n", NOW)[23:26]


def test_the_station_list_for_people() -> None:
    _, answers = play(["CAT"])

    assert ["XX ALFA  XX_ALFA\r\nXX BRAVO XX_BRAVO\r\nEND\r\n"] == answers


def test_a_line_without_an_end_ends_the_session() -> None:
    one = session()

    one.feed(b"STATION " + b"A" * 5000, NOW)

    assert "a line without an end" == one.ended


def test_stations_and_patterns_are_limited() -> None:
    one, _ = play(["SLPROTO 4.0"])
    stations = [f"STATION XX_S{at}" for at in range(serving.MOST_STATIONS)]
    answers = play(stations, one)[1]

    assert {"OK\r\n"} == set(answers)
    assert ["ERROR LIMIT at most 1024 stations\r\n"] == play(["STATION XX_MORE"], one)[1]

    two, _ = play(["SLPROTO 4.0", "STATION A_B"])
    answers = play(["SELECT *"] * (serving.MOST_SELECTS + 1), two)[1]
    assert ["OK\r\n", "ERROR LIMIT at most 32 patterns a station\r\n"] == answers[-2:]

    three, _ = play(["SLPROTO 4.0"])
    answers = play([f"STATION A{at}*" for at in range(serving.MOST_WILD + 1)], three)[1]
    assert ["OK\r\n", "ERROR LIMIT at most 32 stations with wildcards\r\n"] == answers[-2:]


def test_many_questions_at_once_are_answered_in_turns() -> None:
    one = session()
    one.feed(b"SLPROTO 4.0\r\n", NOW)
    questions = b"INFO STREAMS\r\n" * 250

    first = one.feed(questions, NOW)
    rest = 0
    while one.waiting:
        rest += len(one.feed(b"", NOW))

    assert serving.ENOUGH <= len(first) < serving.ENOUGH + 2000
    assert 250 * len(one.feed(b"INFO STREAMS\r\n", NOW)) == len(first) + rest


COMMANDS = sorted(serving._COMMANDS)


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.tuples(st.sampled_from(COMMANDS), st.text(max_size=20)).map(
                lambda pair: f"{pair[0]} {pair[1]}".encode("utf-8", "replace")
            ),
        ),
        max_size=12,
    )
)
def test_whatever_a_client_says_is_answered_or_ignored(lines: list[bytes]) -> None:
    one = session()
    for line in lines:
        answer = one.feed(line + b"\r\n", NOW)

        assert not answer or answer[:2] in (b"OK", b"ER", b"Se", b"SL", b"SE", b"XX")
    if one.request is not None:
        assert len(one.request.starts) == len(one.request.wanted.stations) > 0
