"""Reading and writing frames of every supported format, one frame at a time."""

from alphanet.data.formats.reading import read_frames
from alphanet.data.formats.writing import write_frames

__all__ = ["read_frames", "write_frames"]
