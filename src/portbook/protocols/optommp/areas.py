"""The address areas of OptoMMP: what lies where, and what a write there means.

Sources: Opto 22's Wireshark dissector and C++ SDK; programming guide, appendix A.
"""

from __future__ import annotations

from typing import NamedTuple

from portbook.protocols.layout import BE, IPV4, MAC, RAW, TEXT, Field, Layout

STATUS, STATUS_SIZE = 0xF0300000, 0x24C
STATUS_WRITE = 0xF0380000
OPERATIONS = {
    1: "powerup clear",
    2: "reset to defaults",
    3: "store configuration to flash",
    4: "erase configuration from flash",
}


class Area(NamedTuple):
    """A range of addresses (low 32 bits, both included) and what a write into it means."""

    first: int
    last: int
    title: str
    write: str | None = None


AREAS = (
    Area(0xF0100000, 0xF01BFFFF, "channel configuration", "configuration"),
    Area(0xF01C0000, 0xF01DFFFF, "analog read and clear", "reading clears data"),
    Area(0xF01E0000, 0xF021FFFF, "digital channel read"),
    Area(0xF0220000, 0xF025FFFF, "digital channel write", "actuation"),
    Area(0xF0260000, 0xF029FFFF, "analog channel read"),
    Area(0xF02A0000, 0xF02DFFFF, "analog channel write", "actuation"),
    Area(0xF02E0000, 0xF02F7FFF, "digital read and clear", "reading clears data"),
    Area(0xF0300000, 0xF030024B, "status"),
    Area(0xF0310400, 0xF031110F, "serial ports", "configuration"),
    Area(0xF0329000, 0xF032EFFF, "serial pass-through", "configuration"),
    Area(0xF0350000, 0xF0350023, "date and time", "clock change"),
    Area(0xF0380000, 0xF03802B3, "status write", "powerup clear, reset or flash"),
    Area(0xF0390000, 0xF0390003, "Modbus configuration", "configuration"),
    Area(0xF03A0004, 0xF03A007F, "network security", "security change"),
    Area(0xF03A1000, 0xF03A92BF, "serial module configuration", "configuration"),
    Area(0xF03C0000, 0xF03C030B, "SNMP configuration", "configuration"),
    Area(0xF03D0000, 0xF03D0079, "FTP user and password", "credentials"),
    Area(0xF03E0000, 0xF03FB827, "PPP", "configuration"),
    Area(0xF03FFFC0, 0xF03FFFFF, "streaming", "data sent elsewhere"),
    Area(0xF0400000, 0xF04FFFFF, "digital bank read"),
    Area(0xF0500000, 0xF05FFFFF, "digital bank write", "actuation"),
    Area(0xF0600000, 0xF06FFFFF, "analog bank read"),
    Area(0xF0700000, 0xF07FFFFF, "analog bank write", "actuation"),
    # A real device also took a write to this "read" area (Wireshark sample OptoMMP.pcap).
    Area(0xF0800000, 0xF08FFFFF, "digital channel read, old"),
    Area(0xF0900000, 0xF09FFFFF, "digital channel write, old", "actuation"),
    Area(0xF0A00000, 0xF0AFFFFF, "analog channel read, old"),
    Area(0xF0B00000, 0xF0BFFFFF, "analog channel write, old", "actuation"),
    Area(0xF0C00000, 0xF0C011FF, "channel configuration, old", "configuration"),
    Area(0xF0D00000, 0xF0D4FFFF, "events and timers", "logic change"),
    Area(0xF0D80000, 0xF0DC81FF, "scratch pad", "application data"),
    Area(0xF0E00000, 0xF0E0FFFF, "calculate and set, old", "reading clears data"),
    Area(0xF0F00000, 0xF0FFFFFF, "read and clear, old", "reading clears data"),
    Area(0xF1000000, 0xF100021F, "streaming block"),
    Area(0xF1001000, 0xF10019FF, "packed data"),
    Area(0xF1001A00, 0xF1001AFF, "packed data, write", "actuation"),
    Area(0xF1001B00, 0xF100BFFF, "packed data and quality"),
    Area(0xF1100000, 0xF12FFFFF, "alarms and messages", "logic change"),
    Area(0xF1300000, 0xF130FFFF, "e-mail", "logic change"),
    Area(0xF1540000, 0xF157FFFF, "serial events", "logic change"),
    Area(0xF1808000, 0xF180BFFF, "high-density digital read"),
    Area(0xF180C000, 0xF180C3FE, "high-density digital write", "actuation"),
    Area(0xF2000000, 0xF21047FF, "PID loops", "actuation"),
    Area(0xF2280000, 0xF22B01FF, "public tag configuration", "configuration"),
    Area(0xF3000000, 0xF303FFFF, "data log"),
    Area(0xF4080000, 0xF4080007, "control engine", "run or stop"),
    Area(0xF7002000, 0xF700553B, "serial brain, microSD", "configuration"),
    Area(0xF8000000, 0xF80FFFFF, "wireless network", "configuration"),
    Area(0xFFFFF008, 0xFFFFF077, "IP settings", "re-addressing"),
)

STATUS_AREA = Layout(
    "OptoMMP status area, FFFFF0300000",
    0xC0,
    (
        Field("map_revision", 0x00, 4, BE),
        Field("clear_needed", 0x04, 4, BE, None, "powerup clear needed"),
        Field("busy", 0x08, 4, BE),
        Field("last_error", 0x0C, 4, BE, None, "0000e00n, shared by all clients"),
        Field("loader", 0x18, 4, RAW, None, "loader version"),
        Field("firmware", 0x1C, 4, RAW, None, "major, minor, kind (A B R S), patch letter"),
        Field("unit_type", 0x20, 4, BE),
        Field("hardware_month", 0x24, 1, BE),
        Field("hardware_day", 0x25, 1, BE),
        Field("hardware_year", 0x26, 2, BE),
        Field("memory", 0x28, 4, BE, "octet", "RAM"),
        Field("mac", 0x2E, 6, MAC, None, "interface 1"),
        Field("address", 0x34, 4, IPV4),
        Field("mask", 0x38, 4, IPV4),
        Field("gateway", 0x3C, 4, IPV4),
        Field("part", 0x80, 32, TEXT, None, "part number"),
        Field("firmware_date", 0xA0, 16, TEXT),
        Field("firmware_time", 0xB0, 16, TEXT),
    ),
)

UNIT_TYPES = {
    0x4E: "SNAP-PAC-R1-B",
    0x52: "OPTOEMU-SNR-DR2",
    0x56: "OPTOEMU-SNR-DR1",
    0x58: "G4EB2",
    0x5A: "OPTOEMU-SNR-3V",
    0x5C: "SNAP-PAC-SRA",
    0x62: "SNAP-PAC-SB2",
    0x64: "SNAP-PAC-SB1",
    0x66: "SNAP-PAC-R2-W",
    0x68: "SNAP-PAC-R1-W",
    0x6A: "SNAP-PAC-S1-W",
    0x6C: "SNAP-PAC-S2-W",
    0x6E: "SNAP-PAC-S2",
    0x70: "SNAP-PAC-EB2-W",
    0x72: "SNAP-PAC-EB1-W",
    0x74: "SNAP-PAC-EB2",
    0x76: "SNAP-PAC-EB1",
    0x78: "SNAP-PAC-R2",
    0x7A: "SNAP-PAC-R1",
    0x7C: "SNAP-PAC-S1",
    0x83: "SNAP-ENET-S64",
    0x8A: "SNAP-UPN-ADS",
    0x8C: "SNAP-UP1-M64",
    0x92: "SNAP-UP1-D64",
    0x93: "SNAP-UP1-ADS",
    0x94: "SNAP-WLAN-FH-ADS",
    0x97: "SNAP-ENET-D64",
    0x98: "SNAP-B3000-ENET or SNAP-ENET-RTC",
    0xE1: "E1",
    0xE2: "E2",
    0x193: "SNAP-LCE",
}


def area(address: int) -> Area | None:
    """Return the area that an address (low 32 bits) lies in, None between them."""
    return next((one for one in AREAS if one.first <= address <= one.last), None)


def firmware(octets: bytes) -> str:
    """Return a firmware version as Opto 22 writes it: `R3.5a`; hex where it cannot be one."""
    major, minor, kind, patch = octets
    if kind > 3 or patch > 25:
        return octets.hex()
    return f"{'ABRS'[kind]}{major}.{minor}{chr(ord('a') + patch)}"
