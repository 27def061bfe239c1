"""The one place that wires evidence, identification, claims and judge.

Every command, daemon and upload goes through here: `traffic.read` for captures, `machine.look`
for this machine's sockets. What comes out is a `story.Story`.
"""
