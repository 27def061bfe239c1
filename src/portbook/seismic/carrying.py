"""REF TEK data packets carried over into an SDS tree, each once; what cannot be is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from portbook.errors import UsageError
from portbook.protocols.reftek.packets import Packet
from portbook.seismic import miniseed
from portbook.seismic.sds import Sds
from portbook.seismic.stations import Stations
from portbook.seismic.store import ForeignFileError
from portbook.seismic.tags import STEIM

Default = Callable[[str, int, int], miniseed.Name]
Tell = Callable[[str, str, str | None], None]


class Carrier:
    """Puts what data packets hold into an SDS tree as miniSEED records.

    odd: takes name, place and advice of what cannot be carried over; default: gives codes to a
    channel that the map lacks, None: it is left out
    """

    def __init__(
        self,
        sds: Sds,
        stations: Stations | None,
        near_year: int,
        odd: Tell,
        default: Default | None = None,
    ) -> None:
        self.records = 0
        self.duplicates = 0
        self._sds, self._stations = sds, stations
        self._year = near_year
        self._odd, self._default = odd, default

    def name(self, stations: Stations | None) -> None:
        """Use another map from now on."""
        self._stations = stations

    def carry(self, packet: Packet, time_ns: int, rate_hz: float | None, where: str) -> None:
        """Carry one data packet over. Raises ArchiveError when the tree cannot take it."""
        if packet.type != "DT" or not packet.samples:
            return
        try:
            for record in self._made(packet, time_ns, rate_hz, where):
                if self._sds.add(record):
                    self.records += 1
                else:
                    self.duplicates += 1
        except UsageError as error:
            self._odd("not-carried-over", f"{where}: {error}", None)
        except ForeignFileError as error:
            self._odd("foreign-day-file", f"{where}: {error}", "move that file away")

    def _made(self, packet: Packet, time_ns: int, rate_hz: float | None, where: str) -> list[bytes]:
        unit, stream, channel = packet.unit, packet.stream or 0, packet.channel or 0
        name = self._stations.name(unit, stream, channel) if self._stations else None
        if name is None and self._default:
            name = self._default(unit, stream, channel)
        if name is None:
            what = f"unit {unit} stream {stream + 1} channel {channel + 1}"
            self._odd("channel-not-mapped", f"{where}: {what}", "name it in the station map")
        elif rate_hz is None:
            self._odd("rate-unknown", where, "no EH and no two packets in a row tell the rate")
        elif packet.format in miniseed.SWAPPED:
            return [miniseed.swapped(packet, name, rate_hz, self._year)]
        elif packet.format in miniseed.COPIED:
            return miniseed.copied(packet, name, rate_hz, time_ns)
        else:
            what = f"format {packet.format} is no miniSEED encoding"
            self._odd("not-carried-over", f"{where}: {what}", None)
        return []


def can_check() -> bool:
    """Tell whether samples can be looked at: numpy and pymseed are there."""
    try:
        import portbook.seismic.samples  # noqa: F401
    except ImportError:
        return False
    return True


def refusals(packets: Sequence[Packet | None]) -> dict[int, tuple[str, str]]:
    """Return why the samples of packets cannot be, name and reason, by their place in the row.

    Only compressed samples tell: control words, their number, the last one. Raises ImportError
    where numpy or pymseed is absent.
    """
    places = [at for at, one in enumerate(packets) if one and one.samples and one.format in STEIM]
    if not places:
        return {}
    from portbook.seismic.samples import decode_all

    every = [one for at in places if (one := packets[at])]
    found = zip(places, every, decode_all(every), strict=True)
    return {at: done.refusal for at, one, done in found if done.refusal and not one.faults}
