"""Layouts of REF TEK 130 packets: 1024 octets each, a header of 16 and a body by type.

Source: 130 Recording Format, revision 3.4.5; header, DT, EH and ET were checked on real packets,
SH and SC are known from the maker's recording format paper only.
"""

from __future__ import annotations

from portbook.protocols.layout import BCD, BE, HEX, RAW, TEXT, Coding, Field, Layout

SIZE = 1024
UNIT = Coding(
    "unit id, four hex digits",
    lambda octets: octets.hex().upper(),
    lambda value, size: bytes.fromhex(str(value)).rjust(size, b"\0"),
)

_HEAD = (
    Field("type", 0, 2, TEXT, None, "EH, DT, ET, SH, SC, ..."),
    Field("experiment", 2, 1, BCD, None, "experiment number"),
    Field("year", 3, 1, BCD, "a", "two digits; the century is the one nearest to now"),
    Field("unit", 4, 2, UNIT, None, "the recorder's unit id"),
    Field("time", 6, 6, HEX, "DDDHHMMSSTTT", "day of the year to millisecond, UTC"),
    Field("byte_count", 12, 2, BCD, "octet", "valid octets; EH and ET say 416 and fill more"),
    Field("sequence", 14, 2, BCD, None, "0 to 9999, wraps"),
)
_EVENT = (
    Field("event", 16, 2, BCD, None, "event number, wraps at 9999"),
    Field("stream", 18, 1, BCD, None, "zero-based: the user's number less 1; 8 is auxiliary"),
)

HEADER = Layout("REF TEK packet header", 16, _HEAD)
DT = Layout(
    "REF TEK DT packet, data",
    SIZE,
    (
        *_HEAD,
        *_EVENT,
        Field("channel", 19, 1, BCD, None, "zero-based"),
        Field("samples", 20, 2, BCD, None, "number of samples"),
        Field("flags", 22, 1, BE, None, "80 calibration, 40 overscaled, 02 last, 01 first"),
        Field("format", 23, 1, UNIT, None, "16, 32, 33, C0, C1, C2, C3"),
        Field("data", 24, 1000, RAW, None, "C0 to C3: 40 octets of filler, then Steim frames"),
    ),
)
EH = Layout(
    "REF TEK EH and ET packets, event header and trailer",
    SIZE,
    (
        *_HEAD,
        *_EVENT,
        Field("flags", 22, 1, BE, None, "bit 2: channels 17 to 32"),
        Field("format", 23, 1, UNIT),
        Field("trigger_text", 24, 33, TEXT, None, "Trigger Time = YYYYDDDHHMMSSTTT"),
        Field("time_source", 57, 1, TEXT, None, "1 internal, 2 GPS"),
        Field("time_quality", 58, 1, TEXT, None, "? never locked, 0 to 9 days since the lock"),
        Field("station_fifth", 59, 1, TEXT, None, "fifth character of the station name"),
        Field("station", 60, 4, TEXT),
        Field("stream_name", 64, 16, TEXT),
        Field("rate", 88, 4, TEXT, "Hz", "may be 0.1"),
        Field("trigger", 92, 4, TEXT, None, "CON CRS EVT EXT LEV TIM TML VOT RAD CMD CAL"),
        Field("trigger_time", 96, 16, TEXT, "YYYYDDDHHMMSSTTT"),
        Field("first_sample", 112, 16, TEXT, "YYYYDDDHHMMSSTTT"),
        Field("detrigger_time", 128, 16, TEXT, "YYYYDDDHHMMSSTTT", "ET only"),
        Field("last_sample", 144, 16, TEXT, "YYYYDDDHHMMSSTTT", "ET only"),
        Field("nominal_bit_weights", 160, 128, TEXT, None, "16 x 8: 104.2 mV"),
        Field("true_bit_weights", 288, 128, TEXT, None, "16 x 8: 1.585 uV"),
        Field("gains", 416, 16, TEXT, None, "a code a channel"),
        Field("resolutions", 432, 16, TEXT, None, "1 8, 2 16, 3 24, 4 32 bits"),
        Field("full_scales", 448, 16, TEXT),
        Field("channel_codes", 464, 64, TEXT, None, "16 x 4; blank in real packets"),
        Field("sensor_scales", 528, 16, TEXT),
        Field("sensor_volts", 544, 96, TEXT, None, "16 x 6, volts per unit"),
        Field("sensor_units", 640, 16, TEXT),
        Field("channel_numbers", 656, 48, TEXT, None, "16 x 3"),
        Field("installed", 860, 2, TEXT, None, "installed channels"),
        Field("comment", 862, 40, TEXT, None, "station comment"),
        Field("filters", 902, 16, TEXT),
        Field("position", 918, 26, TEXT, None, "N 4807.311E01235.830+00547"),
    ),
)
SH = Layout(
    "REF TEK SH packet, state of health",
    SIZE,
    (*_HEAD, Field("text", 24, 1000, TEXT, None, "lines DDD:HH:MM:SS text CR LF")),
)
SC = Layout(
    "REF TEK SC packet, station and channels",
    SIZE,
    (
        *_HEAD,
        Field("experiment_number", 16, 2, TEXT),
        Field("experiment_name", 18, 24, TEXT),
        Field("experiment_comment", 42, 40, TEXT),
        Field("station_number", 82, 4, TEXT),
        Field("station", 86, 24, TEXT),
        Field("station_comment", 110, 40, TEXT),
        Field("model", 150, 12, TEXT, None, "model of the recorder"),
        Field("serial", 162, 12, TEXT),
        Field("start", 174, 14, TEXT),
        Field("clock_type", 188, 4, TEXT),
        Field("clock_serial", 192, 10, TEXT),
        Field("channels", 202, 730, RAW, None, "5 x 146 octets"),
        Field("implemented", 1008, 16, TEXT, "YYYYDDDHHMMSSTTT"),
    ),
)

ALL = (HEADER, DT, EH, SH, SC)
