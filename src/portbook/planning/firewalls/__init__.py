"""Firewall rules that keep controller protocols where they belong. Pure: texts out, nothing loaded.

The rules only drop and let everything else on to whatever rules are there: they open no port.
"""

from portbook.planning.firewalls.guarded import Guard, Kind, guards
from portbook.planning.firewalls.iptables import iptables
from portbook.planning.firewalls.nftables import nftables
from portbook.planning.firewalls.places import Places, places
from portbook.planning.firewalls.windows import windows

__all__ = ["Guard", "Kind", "Places", "guards", "iptables", "nftables", "places", "windows"]
