"""Records as the output contract writes them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from portbook.addresses import Scope
from portbook.faces import exports
from portbook.ports import PortRange, Transport
from portbook.records import (
    Announcement,
    Claim,
    ClaimKind,
    Confidence,
    Conversation,
    Finding,
    Level,
    Listener,
    Owner,
    Service,
    Source,
)

SEEN_NS = 1_700_000_000_123_456_789

CONVERSATION = Conversation(
    transport=Transport.UDP,
    client="10.0.0.5",
    client_port=1740,
    server="10.0.0.255",
    server_port=1743,
    source="plant.pcap",
    packets=12,
    octets=1000,
    payload_octets=96,
    first_ns=SEEN_NS,
    last_ns=SEEN_NS + 1,
    protocol="codesys-v3",
    confidence=Confidence.CONFIRMED,
    because=("length agrees",),
)


def written(record: object) -> dict[str, object]:
    return json.loads(exports.line(record))  # type: ignore[arg-type,no-any-return]


def test_a_conversation_is_written_as_the_contract_says() -> None:
    line = written(CONVERSATION)

    assert {
        "kind": "conversation",
        "transport": "udp",
        "client": "10.0.0.5",
        "client_port": 1740,
        "server": "10.0.0.255",
        "server_port": 1743,
        "site": "local",
        "source": "plant.pcap",
        "vlan": None,
        "packets": 12,
        "octets": 1000,
        "payload_octets": 96,
        "first": "2023-11-14T22:13:20.123456789Z",
        "last": "2023-11-14T22:13:20.123456790Z",
        "protocol": "codesys-v3",
        "confidence": "confirmed",
        "because": ["length agrees"],
        "against": [],
        "claims": [],
        "facts": {},
    }.items() <= line.items()


def test_a_service_and_a_finding_carry_the_fields_of_the_contract() -> None:
    service = Service("10.0.0.9", 502, Transport.TCP, ("modbus",), ("mbap",), 3, 1, 2, "a.pcap")
    finding = Finding("PB301", "controller-reachable", Level.ERROR, "s", "m", "a")

    assert {"kind", "address", "port", "transport", "protocols", "claims", "conversations"} <= (
        written(service).keys()
    )
    assert {"kind", "code", "level", "subject", "message", "advice"} <= written(finding).keys()


def test_the_beats_of_an_announcement_are_times_as_all_others() -> None:
    one = Announcement(
        source="10.0.0.5",
        destination="10.0.0.255",
        ports=(1740,),
        transport=Transport.UDP,
        period_s=60.0,
        jitter_s=0.0,
        times=2,
        expected=2,
        confidence=Confidence.PLAUSIBLE,
        first_ns=SEEN_NS,
        last_ns=SEEN_NS,
        capture="plant.pcap",
        beats_ns=(SEEN_NS, SEEN_NS + 60_000_000_000),
    )

    assert ["2023-11-14T22:13:20.123456789Z", "2023-11-14T22:14:20.123456789Z"] == written(one)[
        "beats"
    ]


def test_a_listener_tells_its_first_owner_and_all_of_them() -> None:
    owners = (Owner(123, "codesyscontrol", user="plc", unit="codesys.service"), Owner(124, "child"))
    line = written(
        Listener(Transport.UDP, "0.0.0.0", 1740, Scope.ANY, "unconnected", SEEN_NS, owners)
    )

    assert (123, "codesyscontrol", "plc", "codesys.service") == tuple(
        line[key] for key in ("pid", "program", "user", "unit")
    )
    assert [123, 124] == [owner["pid"] for owner in line["owners"]]  # type: ignore[attr-defined]
    assert "2023-11-14T22:13:20.123456789Z" == line["seen"]


def test_a_hidden_owner_is_not_an_absent_one() -> None:
    line = written(
        Listener(
            Transport.TCP, "::", 22, Scope.ANY, "listen", 0, owners_hidden=True, uid=0, user="root"
        )
    )

    assert line["pid"] is None
    assert line["owners_hidden"] is True
    assert "root" == line["user"]


def test_one_document_groups_records_by_kind() -> None:
    claim = Claim(
        PortRange(1740, 1743), Transport.UDP, "CODESYS V3", ClaimKind.UNOFFICIAL, Source("FAQ")
    )
    document = json.loads(exports.one_document([CONVERSATION, claim, CONVERSATION]))

    assert {"conversation": 2, "claim": 1} == {kind: len(all_) for kind, all_ in document.items()}
    assert (1740, 1743) == (document["claim"][0]["first"], document["claim"][0]["last"])


@given(st.integers(min_value=-(2**70), max_value=2**70))
def test_any_time_can_be_written(time_ns: int) -> None:
    assert exports.rfc3339(time_ns).endswith("Z")


OWNERS = (
    Owner(12, "codesyscontrol", "root", "codesyscontrol -d", "codesys.service", None, "/opt/c"),
    Owner(13, None, None, None, None, "0123456789ab"),
)
addresses = st.sampled_from(("0.0.0.0", "::", "10.0.0.5", "fe80::1"))
listeners = st.builds(
    Listener,
    transport=st.sampled_from(list(Transport)),
    address=addresses,
    port=st.integers(0, 65535),
    scope=st.sampled_from(list(Scope)),
    state=st.sampled_from(("listen", "unconnected", "bound")),
    seen_ns=st.sampled_from((SEEN_NS, SEEN_NS + 1, 1 << 70)),
    owners=st.sampled_from(((), OWNERS, OWNERS[:1], OWNERS[1:])),
    user=st.sampled_from((None, "plant")),
    unit=st.sampled_from((None, "a.service")),
    container=st.sampled_from((None, "c0")),
    claims=st.sampled_from(((), ("mbap", "ü"))),
)


@given(st.lists(st.one_of(listeners, st.just(CONVERSATION)), max_size=20))
def test_many_lines_are_the_single_ones_in_a_row(records: list[object]) -> None:
    alone = b"".join(map(exports.line, records))  # type: ignore[arg-type]

    assert alone == b"".join(exports.lines(records))  # type: ignore[arg-type]


@given(listeners)
def test_a_listener_is_the_same_in_a_line_and_in_a_document(one: Listener) -> None:
    document = exports.document(one)

    assert json.loads(json.dumps(document)) == written(one)
    assert list(document) == list(written(one))
    assert (one.owners[0].pid if one.owners else None) == written(one)["pid"]


def test_thousands_of_listeners_lose_none_on_the_way() -> None:
    many = [
        Listener(Transport.TCP, "10.0.0.5", port, Scope.PRIVATE, "listen", SEEN_NS, OWNERS)
        for port in range(3000)
    ]

    lines = b"".join(exports.lines(many)).splitlines()
    assert list(range(3000)) == [json.loads(line)["port"] for line in lines]
