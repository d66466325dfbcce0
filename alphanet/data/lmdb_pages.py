"""Damaged pages of an LMDB file, found before LMDB reads them: its code trusts offsets and sizes, and ends by a signal.

The layout is that of LMDB 0.9 (`mdb.c`, "Page header" and "Node"), little-endian with pages of any size. A page begins
with its number (8 bytes), flags at byte 10, the end of the table of offsets at byte 12, the begin of nodes at byte 14.
"""

import mmap
import struct
from pathlib import Path

from alphanet.errors import UserError

HEADER = 16  # bytes of a page
MAGIC = 0xBEEFC0DE
BRANCH, LEAF, OVERFLOW, META = 0x01, 0x02, 0x04, 0x08
BIG, SUBTREES = 0x01, 0x06  # of a node: its value lies on pages of its own; it holds a tree, or values of one key
NONE = 2**64 - 1
DEEPEST = 32
_META = struct.Struct("<II8xQ")  # magic, version, size of the map
_TREE = struct.Struct("<IHHQQQQQ")  # page size or padding, flags, depth, three counts of pages, entries, root
_NODE = struct.Struct("<HHHH")  # low and high half of the size (leaf) or of the page (branch), flags, length of the key


def check_pages(path: Path) -> None:
    """Follow the tree of an LMDB file from its root: every page is in the file, and every value inside its pages.

    Values themselves are not read: what they hold is checked where it is decoded.

    Raises:
        UserError: a page is damaged; or the file is too short, or no LMDB file.
    """
    with path.open("rb") as stream:
        if path.stat().st_size < 2 * (HEADER + _META.size + 2 * _TREE.size + 16):
            raise UserError(f"{path} is not an ASE-LMDB store: it is too short")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            try:
                problem = _Tree(content).problem()
            except (struct.error, IndexError):
                problem = "a page ends beyond the file"
    if problem:
        raise UserError(f"{path} is damaged ({problem}); remove it and prepare the data again")


class _Tree:
    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self._size = _TREE.unpack_from(content, HEADER + _META.size)[0]
        self._pages = len(content) // self._size if self._size else 0

    def problem(self) -> str | None:
        """The first fault; None if the tree is whole."""
        if not 256 <= self._size <= 65536 or self._size & (self._size - 1):
            return f"its pages have {self._size} bytes"
        metas = [self._meta(0), self._meta(self._size)]
        valid = [meta for meta in metas if meta is not None]
        if not valid:
            return "it has no valid first pages"
        root = max(valid)[1]
        return None if root == NONE else self._below(root)

    def _meta(self, place: int) -> tuple[int, int] | None:
        """Number of the last transaction, and root of the main tree, of the meta page at `place`."""
        magic, version, _ = _META.unpack_from(self._content, place + HEADER)
        if magic != MAGIC or version != 1:
            return None
        tree = _TREE.unpack_from(self._content, place + HEADER + _META.size + _TREE.size)
        transaction = struct.unpack_from("<Q", self._content, place + HEADER + _META.size + 2 * _TREE.size + 8)[0]
        return int(transaction), int(tree[7])

    def _below(self, root: int) -> str | None:
        """The first fault of a page that can be reached from `root`; a page that is reached twice is one."""
        waiting, seen = [(root, 0)], set()
        while waiting:
            number, depth = waiting.pop()
            if not 2 <= number < self._pages or number in seen or depth > DEEPEST:
                return f"page {number} is not where its tree says"
            seen.add(number)
            place = number * self._size
            own, flags, lower, upper = struct.unpack_from("<Q2xHHH", self._content, place)
            if own != number or flags & (BRANCH | LEAF | OVERFLOW | META) not in (BRANCH, LEAF):
                return f"page {number} has another number or kind"
            if not HEADER <= lower <= upper <= self._size:
                return f"page {number} has wrong bounds"
            offsets = struct.unpack_from(f"<{(lower - HEADER) // 2}H", self._content, place + HEADER)
            if any(not upper <= offset <= self._size - _NODE.size for offset in offsets):
                return f"page {number} has an entry outside"
            if flags & BRANCH:
                for offset in offsets:
                    low, high, top, key = _NODE.unpack_from(self._content, place + offset)
                    if offset + _NODE.size + key > self._size:
                        return f"page {number} has a key that is too long"
                    waiting.append((low | high << 16 | top << 32, depth + 1))
            elif fault := self._fault_of_leaf(number, offsets):
                return fault
        return None

    def _fault_of_leaf(self, number: int, offsets: tuple[int, ...]) -> str | None:
        place, content, size = number * self._size, self._content, self._size
        for offset in offsets:
            low, high, flags, key = _NODE.unpack_from(content, place + offset)
            end, length = offset + _NODE.size + key, low | high << 16
            if flags & SUBTREES:
                return f"page {number} has a tree inside, which no store has"
            if not flags & BIG:
                if end + length > size:
                    return f"page {number} has a value that is too long"
                continue
            if end + 8 > size:
                return f"page {number} has a key that is too long"
            first = struct.unpack_from("<Q", content, place + end)[0]
            if not 2 <= first < self._pages:
                return f"page {number} names page {first}, which is not there"
            own, kind, count = struct.unpack_from("<Q2xHI", content, first * size)
            if own != first or not kind & OVERFLOW or first + count > self._pages or HEADER + length > count * size:
                return f"the value on page {first} is not whole"
        return None
