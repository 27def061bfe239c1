"""What was asked is named, judged and told as what was heard, without ourselves in it."""

from __future__ import annotations

from support.knowing import NOW_NS, knowledge

from portbook.evidence.exchanges import End
from portbook.evidence.pace import Pace
from portbook.evidence.probes import Prober
from portbook.evidence.rounds import Rounds
from portbook.evidence.sent_log import SentLog
from portbook.ports import Transport
from portbook.records import Reply
from portbook.survey.asking import Answered, answered

US, THEM = End("10.0.0.5", 40000), End("10.0.0.9", 8502)
ASKED = bytes.fromhex("000100000005012b0e0100")
TOLD = bytes.fromhex(
    "000100000027012b0e0183000003000e4578616d706c652056656e646f72010645582d3130300205312e322e33"
)


def prober() -> Prober:
    return Prober(Pace(), SentLog(None), Rounds(None))


def reply(outcome: str, address: str = THEM.host, note: str | None = None) -> Reply:
    return Reply("modbus", Transport.TCP, address, 8502, outcome, 1, 11, 1, len(TOLD), 1, 0.1, note)


def told(made: Prober, *replies: Reply) -> Answered:
    return answered(
        made,
        replies,
        knowledge(),
        now_ns=NOW_NS,
        seconds=1.0,
        site="north",
        source="discover modbus",
    )


def asked() -> Prober:
    made = prober()
    made.exchanges.connected(US, THEM, NOW_NS)
    made.exchanges.said(Transport.TCP, US, THEM, ASKED, NOW_NS)
    made.exchanges.heard(Transport.TCP, US, THEM, TOLD, NOW_NS + 1)
    return made


def test_an_answer_is_a_service_a_device_and_findings_as_in_a_capture() -> None:
    story, (one,) = told(asked(), reply("answered"))

    (service,) = story.services
    assert (THEM.host, 8502, ("modbus",)) == (service.address, service.port, service.protocols)
    (device,) = story.devices
    assert (THEM.host, "EX-100") == (device.address, device.facts["product"])
    assert {"PB101", "PB102"} <= {finding.code for finding in story.findings}
    assert ("north", "discover modbus") == (one.site, one.source)
    assert {("north", "discover modbus")} == {(each.site, each.source) for each in story.services}


def test_a_question_without_an_answer_names_nobody() -> None:
    made = prober()
    made.exchanges.connected(US, THEM, NOW_NS)
    made.exchanges.said(Transport.TCP, US, THEM, ASKED, NOW_NS)

    story, _ = told(made, reply("closed"))

    (service,) = story.services
    assert ((), None) == (service.protocols, service.confidence)
    assert () == story.devices
    assert () == story.findings


def test_messages_are_counted_in_the_summary() -> None:
    summary = told(asked(), reply("answered")).story.summary

    assert (1, len(ASKED), 2) == (summary.sent, summary.sent_octets, summary.packets)
    assert (1, 0) == (summary.sources, summary.failed_sources)


def test_silence_is_no_failure_and_a_question_that_did_not_get_there_is() -> None:
    story = told(prober(), reply("silent"), reply("unreachable", "10.0.0.8", "No route")).story

    assert (2, 1) == (story.summary.sources, story.summary.failed_sources)
    (problem,) = story.problems
    assert "10.0.0.8 port 8502: unreachable: No route" == problem.message


def test_that_we_asked_makes_us_neither_a_service_nor_a_device() -> None:
    made = prober()
    ours, everybody = End("10.0.0.5", 1743), End("10.0.0.255", 1743)
    request = bytes.fromhex("c5744003001012340032000002c2000444332211")
    made.exchanges.said(Transport.UDP, ours, everybody, request, NOW_NS, broadcast=True)
    story = told(made, reply("silent", "10.0.0.255")).story

    assert ((), ()) == (story.services, story.devices)
    assert 1 == len(story.conversations)


def test_what_was_odd_is_told_with_where() -> None:
    made = asked()
    made.oddities["answer-from-elsewhere"] = (3, "10.0.0.9 was asked, 10.0.0.7 answers")
    (oddity,) = told(made, reply("answered")).story.oddities

    assert ("answer-from-elsewhere", 3) == (oddity.name, oddity.count)
