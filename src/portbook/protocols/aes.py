"""AES-128 and its Galois/Counter Mode, for what is protected by keys that everybody can derive.

It opens messages; nothing is kept secret with it, so it need not take the same time for each key.
All blocks of a message go through a round together: octets of one row of all their states lie side
by side, so that substitution is one `translate` and mixing a few additions of large integers.
Source: FIPS 197, sections 4 and 5; NIST SP 800-38D, sections 6 and 7.
"""

from __future__ import annotations

BLOCK = 16
ROUNDS = 10
BITS = 8 * BLOCK
TAG = 16


def open_sealed(key: bytes, nonce: bytes, associated: bytes, sealed: bytes) -> bytes | None:
    """Return the plain text of a message with its tag behind it, None when the tag is wrong.

    key: 16 octets; nonce: 12 octets; associated: what the tag protects beside the message
    """
    text, tag = sealed[:-TAG], sealed[-TAG:]
    blocks = -(-len(text) // BLOCK)
    counters = b"".join(nonce + number.to_bytes(4) for number in range(1, blocks + 2))
    stream = encrypted(key, bytes(BLOCK) + counters)
    found = hashed(stream[:BLOCK], associated, text)
    if _added(found, stream[BLOCK : 2 * BLOCK]) != tag:
        return None
    return _added(text, stream[2 * BLOCK : 2 * BLOCK + len(text)])


def encrypted(key: bytes, blocks: bytes) -> bytes:
    """Return blocks of 16 octets, each encrypted by itself, as they were given."""
    many = len(blocks) // BLOCK
    width = 4 * many
    keys = _round_keys(key, many)
    rows = [
        int.from_bytes(b"".join(blocks[4 * column + row :: BLOCK] for column in range(4)))
        ^ keys[0][row]
        for row in range(4)
    ]
    for number in range(1, ROUNDS + 1):
        shifted = []
        for row, value in enumerate(rows):
            octets = value.to_bytes(width)
            shifted.append(octets[row * many :] + octets[: row * many])
        once = [int.from_bytes(octets.translate(ONCE)) for octets in shifted]
        if number < ROUNDS:
            twice = [int.from_bytes(octets.translate(TWICE)) for octets in shifted]
            once = [
                twice[row] ^ twice[row - 3] ^ once[row - 3] ^ once[row - 2] ^ once[row - 1]
                for row in range(4)
            ]
        rows = [one ^ other for one, other in zip(once, keys[number], strict=True)]
    found = bytearray(len(blocks))
    for row, value in enumerate(rows):
        octets = value.to_bytes(width)
        for column in range(4):
            found[4 * column + row :: BLOCK] = octets[column * many : (column + 1) * many]
    return bytes(found)


def _round_keys(key: bytes, many: int) -> list[list[int]]:
    """Return the rows of each round's key, each octet as often as there are blocks."""
    every, places = int.from_bytes(b"\1" * many), 8 * many
    octets = b"".join(word.to_bytes(4) for word in _words(key))
    found = []
    for at in range(0, len(octets), BLOCK):
        columns = [octet * every for octet in octets[at : at + BLOCK]]
        found.append(
            [
                ((columns[row] << places | columns[row + 4]) << places | columns[row + 8]) << places
                | columns[row + 12]
                for row in range(4)
            ]
        )
    return found


def _words(key: bytes) -> list[int]:
    """Return the words of all round keys (FIPS 197, section 5.2)."""
    words, constant = [int.from_bytes(key[at : at + 4]) for at in range(0, BLOCK, 4)], 1
    for _ in range(ROUNDS):
        last = words[-1].to_bytes(4)
        turned = int.from_bytes((last[1:] + last[:1]).translate(ONCE))
        words.append(words[-4] ^ turned ^ constant << 24)
        for _ in range(3):
            words.append(words[-4] ^ words[-1])
        constant = _doubled(constant)
    return words


def hashed(key: bytes, associated: bytes, text: bytes) -> bytes:
    """Return GHASH of what a tag protects (SP 800-38D, section 6.4).

    Each bit stands in an octet of its own, so that multiplying without carry is the product of
    integers: at most 128 ones meet in an octet, of which the lowest bit counts.
    """
    lengths = (8 * len(associated)).to_bytes(8, "big") + (8 * len(text)).to_bytes(8, "big")
    bits = _bits(_filled(associated) + _filled(text) + lengths)
    factor, found = _polynomial(_bits(key)), 0
    for at in range(0, len(bits), BITS):
        product = (found ^ _polynomial(bits[at : at + BITS])) * factor & _PRODUCT
        while high := product >> 8 * BITS:  # x^128 is x^7 + x^2 + x + 1
            product = product & _ONES ^ high ^ high << 8 ^ high << 16 ^ high << 56
        found = product
    digits = (found | _DIGITS).to_bytes(BITS, "little")
    return int(digits, 2).to_bytes(BLOCK, "big")


def _filled(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % BLOCK)


def _bits(octets: bytes) -> bytes:
    """Return a digit, `0` or `1`, for each bit."""
    return f"{int.from_bytes(octets):0{8 * len(octets)}b}".encode()


def _polynomial(digits: bytes) -> int:
    return int.from_bytes(digits, "little") & _ONES


def _added(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(len(one))


def _doubled(octet: int) -> int:
    return (octet << 1 ^ 0x1B) & 0xFF if octet & 0x80 else octet << 1


def _substitutions() -> bytes:
    """Work out the S-box: inverses in GF(2^8), then the affine map (FIPS 197, 5.1.1)."""
    powers, octet = list[int](), 1
    for _ in range(255):  # 3 generates all of them
        powers.append(octet)
        octet ^= _doubled(octet)
    logarithms = {power: exponent for exponent, power in enumerate(powers)}
    inverses = (powers[-logarithms[octet] % 255] for octet in range(1, 256))
    return bytes((0x63, *map(_mapped, inverses)))


def _mapped(octet: int) -> int:
    turned = 0x63
    for places in range(5):
        turned ^= octet << places | octet >> 8 - places
    return turned & 0xFF


_ONES = int.from_bytes(b"\1" * BITS)
_PRODUCT = int.from_bytes(b"\1" * 2 * BITS)
_DIGITS = int.from_bytes(b"0" * BITS)
ONCE = _substitutions()
TWICE = bytes(map(_doubled, ONCE))
