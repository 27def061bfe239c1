"""The options that the REF TEK receiver's commands share: a settings file, and a quick start."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from portbook.errors import SourceError, UsageError

if TYPE_CHECKING:
    from portbook.daemons.configuration.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])
FILE = "rtpd.toml"


class Chosen(NamedTuple):
    """What the user chose: a settings file, or None, and the flags that lie over it.

    named: whether the user named the file
    """

    file: Path | None
    flags: Mapping[str, Any]
    named: bool = False

    def read(self) -> Settings:
        """Return the settings; called again, all files are read again.

        Raises UsageError and SourceError, as `settings.load` does.
        """
        from portbook.daemons.configuration import settings

        over = _over(self.flags)
        if self.file is None:
            return settings.from_mapping(over, "the flags")
        return settings.load(self.file, over)


def receiving(command: Command) -> Command:
    """Add --config and the flags of a quick start; the command gets `chosen`.

    Without --config it is rtpd.toml of the configuration folder, if there is one.
    """

    @click.option("--config", type=Path, metavar="FILE", help="Settings; see --reference.")
    @click.option("--folder", metavar="DIR", help="Where the spool stands, and what must survive.")
    @click.option("--archive", metavar="DIR", help="Keep raw packets, in the maker's layout.")
    @click.option("--sds", metavar="DIR", help="Keep day files of miniSEED, in an SDS tree.")
    @click.option(
        "--station", type=Path, metavar="MAP.toml", help="Codes of the recorders' channels."
    )
    @click.option(
        "--upstream", multiple=True, metavar="HOST[:PORT]", help="An RTPD to read from; repeatable."
    )
    @click.option(
        "--listen",
        metavar="ADDRESS:PORT",
        help="Both for packets (UDP) and for client programs (TCP).",
    )
    @click.option("--seedlink", metavar="ADDRESS:PORT", help="Serve SeedLink there.")
    @click.option("--http", metavar="ADDRESS:PORT", help="Serve status and metrics there.")
    @click.option("--source", multiple=True, metavar="PREFIX", help="Who may send; repeatable.")
    @click.option("--client", multiple=True, metavar="PREFIX", help="Who may read; repeatable.")
    @functools.wraps(command)
    def with_chosen(*args: Any, config: Path | None, **more: Any) -> Any:
        flags = {name: more.pop(name) for name in _FLAGS}
        file = config or _usual()
        return command(*args, chosen=Chosen(file, flags, config is not None), **more)

    return with_chosen  # type: ignore[return-value]


_FLAGS = (
    "folder",
    "archive",
    "sds",
    "station",
    "upstream",
    "listen",
    "seedlink",
    "http",
    "source",
    "client",
)


def _usual() -> Path | None:
    from portbook.config import config_folder

    path = config_folder() / FILE
    return path if path.is_file() else None


def _over(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return flags as settings; paths are those of the working folder."""
    told: dict[str, Any] = {}

    def put(table: str, key: str, value: Any) -> None:
        if value:
            told.setdefault(table, {})[key] = value

    if flags["folder"]:
        told["folder"] = str(Path(flags["folder"]).absolute())
    for key, name in (("raw", "archive"), ("sds", "sds")):
        put("archive", key, flags[name] and str(Path(flags[name]).absolute()))
    for key, name in (
        ("field", "listen"),
        ("clients", "listen"),
        ("seedlink", "seedlink"),
        ("status", "http"),
    ):
        put("listen", key, flags[name])
    put("allow", "sources", list(flags["source"]))
    put("allow", "clients", list(flags["client"]))
    if flags["upstream"]:
        told["upstream"] = [_host(text) for text in flags["upstream"]]
    if flags["station"]:
        told["unit"] = _units(flags["station"])
    return told


def _host(text: str) -> dict[str, Any]:
    """Read HOST, HOST:PORT or [ADDRESS]:PORT."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        fine = bool(bracket) and (not rest or colon == ":")
    elif text.count(":") > 1:
        host, colon, port, fine = text, "", "", True
    else:
        host, colon, port = text.partition(":")
        fine = True
    if not fine or (colon and not (port.isascii() and port.isdecimal() and len(port) < 6)):
        raise UsageError(f"--upstream {text!r}: write HOST, HOST:PORT or [ADDRESS]:PORT")
    return {"host": host, **({"port": int(port)} if colon else {})}


def _units(path: Path) -> Any:
    from portbook.seismic import stations

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise UsageError(f"{path}: it is no text in UTF-8") from None
    stations.read(text, str(path))
    import tomllib

    return tomllib.loads(text)["unit"]
