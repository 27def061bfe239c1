"""REF TEK recorders of our own making: packets, instruments, networks that harm, transports.

Everything but `sending`, `serving` and `running` is pure and the same for the same seed: time is
an argument. Source: portbook's docs on REF TEK.
"""
