"""`portbook watch`: what an interface really carries, while it does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from portbook.faces.cli.options import Duration, Shape, booked, filtered, judged, shaped
from portbook.survey.knowledge import Knowledge
from portbook.survey.wants import Wants

if TYPE_CHECKING:
    import msgspec

    from portbook.evidence.capture_ways import Heard
    from portbook.survey.story import Story

KEPT_EVERY_S = 60.0


@click.command(
    short_help="What an interface really carries, live.",
    help="""Listen to an interface and tell what is new: services, devices, announcements, findings.

    \b
      portbook watch eth1
      portbook watch eth1 --port 1740-1743 --jsonl
      portbook watch eth1 --for 10m --book plant.book
      portbook watch lo --protocol modbus
      portbook watch eth1 --full

    Nothing is ever sent. Listening needs the right to capture (CAP_NET_RAW), which is given up as
    soon as the interface is open; `portbook doctor` says how to grant it. Packets that the kernel
    had no room for are counted and shown. It ends with Ctrl-C, or after --for. Linux needs nothing
    else; elsewhere the system's libpcap is used, on Windows Npcap, which you install.

    On a terminal the picture is drawn anew every second; with --jsonl each line is something new,
    or something known that tells otherwise; the summary comes last. --full opens a full screen
    with a table for each kind of record, as `portbook top` does.
    """,
)
@click.argument("interface")
@click.option(
    "--for", "seconds", type=Duration(), metavar="TIME", help="Stop after so long: 30s, 10m, 2h."
)
@click.option("--packets", type=click.IntRange(1), help="Stop after so many packets.")
@click.option(
    "--promiscuous/--own", default=True, help="Hear frames for others too (default), or own only."
)
@click.option(
    "--capture",
    type=click.Choice(["ring", "libpcap"]),
    help="The kernel's ring (Linux: default), or the system's libpcap (default elsewhere).",
)
@click.option("--conversations", is_flag=True, help="Show the table of conversations too.")
@click.option("--all", "everything", is_flag=True, help="Show every row of long tables.")
@click.option("--full", is_flag=True, help="A full screen to look around in; needs portbook[tui].")
@filtered
@booked
@judged("never")
@shaped
def command(
    interface: str,
    seconds: float | None,
    packets: int | None,
    promiscuous: bool,
    capture: str | None,
    wants: Wants,
    shape: Shape,
    site: str,
    book_path: Path | None,
    knowledge: Knowledge,
    fail_on: str,
    strict: bool,
    everything: bool,
    conversations: bool,
    full: bool,
) -> int:
    """Open, give up the right to, listen, tell, keep."""
    from portbook.evidence.privileges import give_up_capture

    if full:
        if shape is not Shape.TABLE:
            raise click.UsageError("--full draws a screen; leave --json and --jsonl out")
        from portbook.faces.tui import full_screen

        screen = full_screen(f"portbook watch {interface}")
        with _opened(interface, wants, promiscuous, capture) as opened:
            give_up_capture()
            code: int = screen.listen(
                opened,
                knowledge,
                site=site,
                book_path=book_path,
                fail_on=fail_on,
                strict=strict,
                wants=wants,
                seconds=seconds,
                packets=packets,
            )
        return code
    import msgspec

    from portbook.daemons.watch import Watch
    from portbook.faces.cli.output import complain, exit_code
    from portbook.survey.live import Live

    with _opened(interface, wants, promiscuous, capture) as opened:
        give_up_capture()
        teller = _Teller(shape, wants, book_path, site, everything, conversations)
        live = Live(interface, knowledge, site)
        watch = Watch(opened, live, teller.tell, seconds=seconds, packets=packets)
        click.echo(f"portbook: listening on {interface}; nothing is sent; Ctrl-C ends", err=True)
        with teller:
            story = watch.run()
    story = teller.end(story)
    complain(story)
    if watch.away:
        return 4
    return exit_code([msgspec.structs.replace(story, problems=())], fail_on, strict)


class _Teller:
    """Shows what is new, in the shape that was asked for, and keeps the book."""

    def __init__(
        self,
        shape: Shape,
        wants: Wants,
        book_path: Path | None,
        site: str,
        everything: bool,
        conversations: bool,
    ) -> None:
        from portbook.faces.watching import Picture

        self._shape, self._wants = shape, wants
        self._book_path, self._site = book_path, site
        self._everything, self._conversations = everything, conversations
        self._kept_at = time.monotonic()
        self._picture = Picture(conversations) if shape is Shape.TABLE else None

    def __enter__(self) -> None:
        if self._picture:
            self._picture.begin()

    def __exit__(self, *_: object) -> None:
        if self._picture:
            self._picture.end()

    def tell(self, story: Story, news: list[msgspec.Struct]) -> None:
        """Tell what is new after a look; keep the book once a minute."""
        from portbook.faces.cli.output import write_records

        if time.monotonic() - self._kept_at >= KEPT_EVERY_S:
            self._kept_at = time.monotonic()
            self._keep(story)
        shown = story.only(self._wants)
        if self._picture:
            self._picture.show(shown, [one for one in news if _within(one, shown)])
        elif self._shape is Shape.JSONL:
            write_records([one for one in news if _within(one, shown)], Shape.JSONL)

    def end(self, story: Story) -> Story:
        """Tell all that was heard, and how much it was."""
        from portbook.faces.cli.output import write_records

        story = self._keep(story).only(self._wants)
        if self._shape is Shape.JSONL:
            write_records([story.summary], Shape.JSONL)
        elif self._shape is Shape.JSON:
            write_records(story.records(), Shape.JSON)
        else:
            from portbook.faces.tables import show

            show(story, self._everything, self._conversations)
        return story

    def _keep(self, story: Story) -> Story:
        from portbook.faces.cli.keeping import keep

        return keep(story, self._book_path, self._site, whole=False)


def _within(one: msgspec.Struct, story: Story) -> bool:
    """Tell whether something new is within the filters: what they left is in the story."""
    kind = str(one.__struct_config__.tag)
    kept = {
        "service": story.services,
        "device": story.devices,
        "announcement": story.announcements,
        "finding": story.findings,
    }
    return kind not in kept or one in kept[kind]


def _opened(interface: str, wants: Wants, promiscuous: bool, way: str | None) -> Heard:
    """Listen, with a filter for the hosts and ports that were asked for where there can be one."""
    from ipaddress import ip_network

    from portbook.evidence.capture_ways import opened

    hosts = [ip_network(one, strict=False) for one in wants.hosts]
    ports = [(span.first, span.last, transport) for span, transport in wants.ports]
    return opened(interface, hosts, ports, promiscuous=promiscuous, way=way)
