"""What `?` shows: the keys, the filter's words, and what the marks mean."""

from __future__ import annotations

from portbook.faces.tui import beats
from portbook.faces.tui.details import Section

HELP = [
    Section(
        "portbook top: what is claimed, what is there, what is wrong",
        ("Nothing is ever sent. A port number is a claim; what stands here was seen.",),
    ),
    Section(
        "Keys",
        (
            "1 to 7, Left, Right   tabs: overview, services, devices, announcements,",
            "                      conversations, findings, listeners",
            "Up Down PgUp PgDn     move; Home and End; j k g G do the same",
            "Tab                   on the overview: from what is wrong to what is new",
            "Enter                 details: claims, reasons for and against, the rule's page",
            "/                     filter; Enter keeps it, Esc takes it back",
            "s, r                  sort by the next column; the other way round",
            "p                     pause: the picture stands still, listening goes on",
            "?, Ctrl-L             this page; draw the screen again",
            "q, Ctrl-C             quit",
        ),
    ),
    Section(
        "Filter",
        (
            "host:10.0.0.5  host:10.0.0.0/24   an address or a prefix",
            "port:1743  port:1740-1743/udp     a port or a range",
            "protocol:modbus                   a protocol, or protocol:unknown",
            "since:2h  until:2026-11-21        last seen since, first seen until",
            "level:warning                     findings of at least this level",
            "anything else                     text that must stand in the row",
        ),
    ),
    Section(
        "Marks",
        (
            f"beats: {beats.LEGEND}; one mark is one period",
            "protocol?  plausible: the shape fits; without a mark it is confirmed",
            "(error)    a finding that somebody accepted",
            "10+        so many are fetched, there are more: go down, or filter",
        ),
    ),
]
