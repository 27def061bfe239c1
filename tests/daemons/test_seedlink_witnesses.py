"""Independent SeedLink clients get from our server what was put in: ObsPy, and EarthScope's."""

from __future__ import annotations

import datetime
import warnings
from types import ModuleType
from typing import Any

import pytest
from daemons.test_seedlink import UNITS, serving
from support.live import SECOND, START_NS, wave
from support.looping import PATIENCE_S

pytestmark = pytest.mark.filterwarnings("ignore")  # the witnesses' own


def witness(name: str) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{name}, the independent witness, is absent")


def test_obspy_lists_stations_and_fetches_a_window() -> None:
    module = witness("obspy.clients.seedlink.basic_client")
    obspy = witness("obspy")
    with serving() as served:
        served.give(30, UNITS)
        client = module.Client("127.0.0.1", served.port, timeout=PATIENCE_S)

        assert [("XX", "ALFA"), ("XX", "BRAVO"), ("YY", "CARLO")] == client.get_info()
        assert [
            ("XX", "ALFA", "00", "HHZ"),
            ("XX", "BRAVO", "", "HHZ"),
            ("YY", "CARLO", "10", "BHZ"),
        ] == client.get_info(level="channel", cache=False)

        begin = obspy.UTCDateTime(ns=START_NS)
        found = client.get_waveforms("XX", "ALFA", "00", "HH?", begin + 3, begin + 13)

    # Of this unit every third second has data: those of 3, 6, 9 and 12 s.
    assert [3.0, 6.0, 9.0, 12.0] == [trace.stats.starttime - begin for trace in found]
    for trace in found:
        at = round(trace.stats.starttime - begin)
        assert wave(100, first=at * 100)[: trace.stats.npts] == trace.data.tolist()


def test_obspy_streams_on_and_goes_on_where_it_was() -> None:
    module = witness("obspy.clients.seedlink.slclient")
    link = witness("obspy.clients.seedlink.client.seedlinkconnection")
    with serving() as served:
        served.give(6)
        numbers: list[int] = []
        times: list[float] = []

        def handle(many: int) -> Any:
            def taken(count: int, packet: Any) -> bool:
                if packet.get_type() in (packet.TYPE_SLINF, packet.TYPE_SLINFT):
                    return False
                numbers.append(packet.get_sequence_number())
                times.append(packet.get_trace().stats.starttime.ns)
                return len(numbers) >= many

            return taken

        def connect(sequence: int, stamp: Any) -> Any:
            made = module.SLClient(loglevel="CRITICAL", timeout=PATIENCE_S)
            made.slconn = link.SeedLinkConnection(timeout=PATIENCE_S)
            made.slconn.set_sl_address(f"127.0.0.1:{served.port}")
            made.slconn.add_stream("XX", "ALFA", "HHZ", sequence, stamp)
            return made

        first = connect(0xFFFFFF, None)  # asks for the next number, 0: all that is there
        first.run(packet_handler=handle(3))
        stream = first.slconn.streams[0]
        first.slconn.close()
        connect(stream.seqnum, stream.btime).run(packet_handler=handle(6))

    assert [0, 4, 8, 12, 16, 20] == numbers
    assert [START_NS + at * SECOND for at in range(6)] == times


@pytest.mark.parametrize("version", ["V3", "V4"])
def test_earthscope_s_client_streams_and_asks(version: str) -> None:
    client = witness("seedlink_client")
    protocol = witness("seedlink_client.protocol")
    with serving() as served:
        served.give(9, UNITS)
        asked = client.SeedLink(
            "127.0.0.1", served.port, timeout=PATIENCE_S, protocol=protocol.Protocol[version]
        )
        with asked:
            assert "Example network" == asked.organization
            told = asked.info_dict("STREAMS")
            ping = asked.info("ID")
        assert "portbook/1.0" in ping
        stations = told["station"] if version == "V4" else told["seedlink"]["station"]
        names = [one["id"] if version == "V4" else one["description"] for one in stations]
        assert ["XX_ALFA", "XX_BRAVO", "YY_CARLO"] == names

        first = client.SeedLink(
            "127.0.0.1",
            served.port,
            timeout=PATIENCE_S,
            protocol=protocol.Protocol[version],
            dialup=True,
        )
        first.add_stream("XX_ALFA", "00_H_H_?" if version == "V4" else "00HH?", seqnum=0)
        first.add_stream("YY_CARLO", seqnum=0)
        with first:
            found = [(one.station_id, one.record()) for one in first.collect(reconnect=False)]

    # It asks for what follows number 0: the first of all is what it says that it has.
    assert [("YY_CARLO", 2), ("XX_ALFA", 3), ("YY_CARLO", 5), ("XX_ALFA", 6), ("YY_CARLO", 8)] == [
        (station, (record.starttime - START_NS) // SECOND) for station, record in found
    ]
    for _, record in found:
        record.unpack_data()
        at = (record.starttime - START_NS) // SECOND
        assert wave(100, first=at * 100) == list(record.datasamples)


def test_earthscope_s_client_of_version_4_asks_for_a_window_and_for_everything() -> None:
    client = witness("seedlink_client")
    begin = datetime.datetime.fromtimestamp(START_NS // SECOND, datetime.UTC)
    with serving() as served:
        served.give(12, UNITS)
        window = client.SeedLink("127.0.0.1", served.port, timeout=PATIENCE_S)
        window.set_all_stations()
        window.set_timewindow(
            begin + datetime.timedelta(seconds=4), begin + datetime.timedelta(seconds=7)
        )
        with window:
            inside = [one.seqnum >> 8 for one in window.collect(reconnect=False)]

        every = client.SeedLink("127.0.0.1", served.port, timeout=PATIENCE_S, dialup=True)
        every.set_all_stations(all_data=True)
        with every:
            found = list(every.collect(reconnect=False))

    assert [4, 5, 6] == inside
    assert list(range(12)) == [one.seqnum >> 8 for one in found]
    assert [at << 8 for at in range(12)] == [one.seqnum for one in found]
