# The numbers of `arrays`, as constants that the compiler knows; a test compares them.

cdef enum:
    ROW = 16
    COOL = 4
    MARKS = 16
    KEY = 4
    PACKETS = 5
    OCTETS = 7
    PAYLOAD = 9
    FIRST = 11
    LAST = 12
    STATE = 13
    BASES = 14
    HEADS = 15
    SWAPPED = 1
    SYNS = 2
    STARTED = 32
    KNOWN = 128
    HINTED = 512
    DONE = 2048
    BROADCAST = 8192
    WANTED = 16384
    TUNNEL = 32768
    IPV6 = 4194304
    FILLED = 0
    PIECES = 1
    PARTS = 2
    FLAGS = 2
    BLOCK = 3
    PIECE = 4
    PART = 12
    CLIPPED = 65536
    TRIED = 131072
    MOST_PIECES = 4
    MOST_DATAGRAMS = 32
    WIDE = 16272
    MANY = 65536
    MOST_PARTS = 4
    HAND = 16
    BATCH = 64
    HASH = 5
    SIDE = 6
    ROW_AHEAD = 7
    START = 8
    AT = 9
    CAPTURED = 10
    LENGTH = 11
    TIME = 12
    LINK = 13
    BODY = 14
    SHAPE = 15
    FAR = 65535
    PAST = 16777216
    QUIET_NS = 1000000000
    SHORT = 128
    LONG = 16384
    EARLY = 8
    LATE = 56
    LARGEST = 262144
    RING_HEAD = 68
    RING_KIND = 58
    OUTGOING = 4
    TAGGED = 16
    GROUP = 5
    FEW = 4

ctypedef const unsigned char* Octet
ctypedef const unsigned long long* Words

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define PORTBOOK_AHEAD(place) __builtin_prefetch(place)
    #else
    #define PORTBOOK_AHEAD(place) ((void)(place))
    #endif
    """
    void ahead "PORTBOOK_AHEAD"(const void* place) noexcept nogil
