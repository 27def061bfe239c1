"""Prints nDPI's name of every conversation of captures, as one JSON list a line.

    python benchmarks/accuracy_ndpi.py CAPTURE...

Needs nfstream. A capture's lines end with its name, so that who reads them knows which one was
not borne. Flows never end by silence, so that they are the conversations that we count.
"""

from __future__ import annotations

import json
import sys

import nfstream  # type: ignore[import-not-found]

TRANSPORTS = {6: "tcp", 17: "udp", 33: "dccp", 132: "sctp"}
FOREVER_S = 10**7


def main(paths: list[str]) -> None:
    for path in paths:
        flows = nfstream.NFStreamer(
            source=path, n_meters=1, idle_timeout=FOREVER_S, active_timeout=FOREVER_S
        )
        try:
            for one in flows:
                if transport := TRANSPORTS.get(one.protocol):
                    guess = "?" if one.application_is_guessed else ""
                    ends = (one.src_ip, one.src_port, one.dst_ip, one.dst_port)
                    print(json.dumps((transport, *ends, guess + one.application_name)))
        except (OSError, ValueError) as error:
            print(f"{path}: {error}", file=sys.stderr)
        print(json.dumps(path), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
