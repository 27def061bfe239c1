"""Makers of network cards in plants, by the first three octets of the MAC address."""

from __future__ import annotations

from portbook.records import Source

SOURCE = Source("IEEE registration authority, MA-L assignments", None, "first three octets")

MAKERS = {
    "00:00:0a": "Omron",
    "00:00:54": "Schneider Electric",
    "00:00:bc": "Rockwell Automation",
    "00:01:05": "Beckhoff",
    "00:02:a2": "Hilscher",
    "00:02:a3": "Hitachi Energy",
    "00:05:e4": "Red Lion Controls",
    "00:06:77": "SICK",
    "00:0a:dc": "RuggedCom",
    "00:0b:ab": "Advantech",
    "00:0e:8c": "Siemens",
    "00:1b:1b": "Siemens",
    "00:1d:9c": "Rockwell Automation",
    "00:30:11": "HMS Industrial Networks",
    "00:30:a7": "Schweitzer Engineering",
    "00:30:de": "WAGO",
    "00:40:84": "Honeywell",
    "00:60:65": "B&R Industrial Automation",
    "00:80:63": "Hirschmann",
    "00:80:a3": "Lantronix",
    "00:80:f4": "Telemecanique",
    "00:90:e8": "Moxa",
    "00:a0:3d": "Opto 22",
    "00:a0:45": "Phoenix Contact",
    "00:c0:b7": "American Power Conversion",
    "00:d0:24": "Cognex",
    "00:d0:c9": "Advantech",
    "28:63:36": "Siemens",
}


def maker(mac: str) -> str | None:
    """Return who made the network card of a MAC address `00:a0:3d:...`, as far as known here."""
    return MAKERS.get(mac[:8].lower())
