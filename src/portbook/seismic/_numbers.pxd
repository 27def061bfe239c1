# Constants of the Steim decoder as C knows them; source: SEED manual 2.4, appendix B, and
# portbook's docs on REF TEK for where the frames stand in a packet.
cdef enum:
    FROM = 64  # octet of a packet where its frames begin
    FRAME = 64
    FRAMES = 15
    SIZE = 1024
    SOUND = 1
    COUNTED = 2
    AGREE = 4
    TOLD = 8
