"""What a sound file's header says, and what is really there."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["MAX_RATE_HZ", "MIN_RATE_HZ", "Header"]

MIN_RATE_HZ = 2_000
MAX_RATE_HZ = 1_000_000  # bat recorders reach 750 kHz; more is a damaged header


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One sound file as it was found, after whatever had to be salvaged.

    Attributes
    ----------
    source
        Path or URL, as given.
    container
        ``WAV``, ``RF64``, ``W64``, ``AIFF``, ``FLAC``, ``OGG``, ``MP3`` (``AU`` and ``CAF`` when met).
    encoding
        ``PCM_U8``, ``PCM_S8``, ``PCM_16``, ``PCM_24``, ``PCM_32``, ``FLOAT_32``, ``FLOAT_64``, ``ALAW``,
        ``ULAW``, or ``COMPRESSED``.
    rate_hz, n_channels
        Sample rate (2 kHz to 1 MHz) and channels.
    n_samples
        Samples per channel that are really there and can be read; at least 1.
    n_samples_claimed
        What the header says; None where it says nothing.
    size_bytes
        Size of the whole file.
    data_offset
        Byte at which plain PCM begins; None when the sound is read through a decoder.
    metadata
        Raw chunks by name (``guan``, ``bext``, ``wamd``, …) and the parts of ``LIST INFO`` by theirs
        (``ICMT``, ``IART``, …), each below 1 MiB; the first of each name.
    problems
        One sentence for each fault: what was wrong and what was done about it.
    """

    source: str
    container: str
    encoding: str
    rate_hz: int
    n_channels: int
    n_samples: int
    n_samples_claimed: int | None
    size_bytes: int
    data_offset: int | None
    metadata: Mapping[str, bytes] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds of what is really there."""
        return self.n_samples / self.rate_hz
