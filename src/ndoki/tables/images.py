"""A mel-spectrogram picture (PNG) of each 12 s segment that holds events, with their boxes."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath

from PIL import Image, ImageDraw, ImageFont

from ndoki.core.types import Event, Floats, Recording
from ndoki.tables.atomic import write_bytes
from ndoki.tables.axes import Axes
from ndoki.tables.clips import ReadSamples
from ndoki.tables.row import SEGMENT_S
from ndoki.tables.spectrogram import COLOURS, coloured, mel_decibels, robust_range_db

__all__ = ["TOP_HZ", "font", "segment_image", "write_images"]

TOP_HZ = 2000.0
"""Upper end of the frequency axis: distant shots live below."""

_WIND_HZ = 60.0
"""Colours are spread over what lies above: wind and handling fill the band below."""

_WIDTH_PX, _HEIGHT_PX = 1200, 480
_PAPER, _INK, _FAINT, _BLANK = (250, 250, 247), (24, 28, 36), (104, 110, 120), (222, 222, 219)
_HALO = (8, 10, 20)
_BOX_COLOURS = {"gunshot": (255, 96, 88)}
_OTHER_BOX = (255, 255, 255)
_TEXT_PX, _TITLE_PX, _TAG_PX = 14, 17, 14

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = tuple[int, int, int]


@lru_cache
def font(size_px: int) -> Font:
    """Pillow's own typeface in a size; what all pictures are lettered in."""
    return ImageFont.load_default(size=size_px)


def segment_image(
    samples: Floats,
    rate_hz: int,
    events: Sequence[Event],
    *,
    offset_s: int,
    title: str,
    begins_at: datetime | None = None,
    top_hz: float = TOP_HZ,
) -> Image.Image:
    """Draw one segment: mel-spectrogram, time and frequency axes, a box with label and score per event.

    Parameters
    ----------
    samples
        float32, shape (n,), in [-1, 1], n ≤ 12 s. What lies behind the file's end stays grey.
    rate_hz
        Their sample rate.
    events
        Boxes; what lies outside the segment is cut off.
    offset_s
        Where the segment begins, seconds from the start of the file.
    title
        Upper left, e.g. the file's name.
    begins_at
        Aware instant at which the segment begins, in the zone in which people at the site read times;
        None when unknown, the clock is then left out.
    top_hz
        Upper end of the frequency axis; half the sample rate if that is lower.

    Returns
    -------
    PIL.Image.Image
        RGB, 1200 × 480 pixels.
    """
    axes = Axes(offset_s=offset_s, top_hz=min(top_hz, rate_hz / 2))
    decibels = mel_decibels(
        samples,
        rate_hz,
        top_hz=axes.top_hz,
        n_rows=axes.height_px,
        n_columns=axes.width_px,
        seconds=SEGMENT_S,
    )
    low_db, high_db = robust_range_db(decibels[: round(axes.y(_WIND_HZ)) - axes.upper_px])
    image = Image.new("RGB", (_WIDTH_PX, _HEIGHT_PX), _PAPER)
    image.paste(Image.fromarray(coloured(decibels, low_db, high_db, _BLANK)), (axes.left_px, axes.upper_px))
    draw = ImageDraw.Draw(image)
    _draw_title(draw, axes, title, begins_at)
    _draw_hertz(draw, axes)
    _draw_seconds(draw, axes)
    if begins_at is not None:
        _draw_clock(draw, axes, begins_at)
    _draw_colour_bar(image, axes, high_db - low_db)
    _draw_boxes(draw, axes, events)
    return image


def _draw_title(draw: ImageDraw.ImageDraw, axes: Axes, title: str, begins_at: datetime | None) -> None:
    y = axes.upper_px - 12
    draw.text((axes.left_px, y), title, _INK, font(_TITLE_PX), anchor="ls")
    if begins_at is not None:
        text = begins_at.strftime("%Y-%m-%d  %H:%M:%S  ") + (begins_at.tzname() or "")
        draw.text((axes.right_px, y), text, _INK, font(_TITLE_PX), anchor="rs")


def _draw_hertz(draw: ImageDraw.ImageDraw, axes: Axes) -> None:
    for hz, y in axes.hertz_ticks():
        draw.line((axes.left_px - 6, y, axes.left_px - 1, y), _INK)
        draw.text((axes.left_px - 10, y), f"{hz}", _INK, font(_TEXT_PX), anchor="rm")
    draw.text((axes.left_px - 10, axes.upper_px - 14), "Hz", _FAINT, font(_TEXT_PX), anchor="rs")


def _draw_seconds(draw: ImageDraw.ImageDraw, axes: Axes) -> None:
    for second in range(axes.offset_s, axes.offset_s + SEGMENT_S + 1):
        x = axes.x(second)
        draw.line((x, axes.lower_px, x, axes.lower_px + 6), _INK)
        draw.text((x, axes.lower_px + 9), f"{second}", _INK, font(_TEXT_PX), anchor="mt")
    draw.text((axes.left_px - 40, axes.lower_px + 9), "s", _FAINT, font(_TEXT_PX), anchor="rt")


def _draw_clock(draw: ImageDraw.ImageDraw, axes: Axes, begins_at: datetime) -> None:
    """Times of day at whole even seconds of the clock, which need not be whole seconds of the file."""
    y = axes.lower_px + 30
    for second, text in axes.clock_ticks(begins_at):
        draw.text((axes.x(second), y), text, _FAINT, font(_TEXT_PX), anchor="mt")
        draw.line((axes.x(second), y - 5, axes.x(second), y - 2), _FAINT)


def _draw_colour_bar(image: Image.Image, axes: Axes, range_db: float) -> None:
    left, width = axes.right_px + 14, 12
    ramp = Image.fromarray(COLOURS[::-1, None, :]).resize((width, axes.height_px))
    image.paste(ramp, (left, axes.upper_px))
    draw = ImageDraw.Draw(image)
    for y, text, anchor in (
        (axes.upper_px, f"+{range_db:.0f}", "lt"),
        (axes.lower_px, "0", "ls"),
        (axes.upper_px - 14, "dB", "ls"),
    ):
        colour = _FAINT if text == "dB" else _INK
        draw.text((left + (0 if text == "dB" else width + 5), y), text, colour, font(_TEXT_PX), anchor=anchor)


def _draw_boxes(draw: ImageDraw.ImageDraw, axes: Axes, events: Sequence[Event]) -> None:
    placed: list[tuple[float, float, float, float]] = []
    boxes = [(event, axes.box(event)) for event in events]
    for event, (left, upper, right, lower) in boxes:
        colour = _BOX_COLOURS.get(event.label, _OTHER_BOX)
        draw.rectangle((left - 1, upper - 1, right + 1, lower + 1), outline=_HALO, width=4)
        draw.rectangle((left, upper, right, lower), outline=colour, width=2)
    for event, box in boxes:
        _draw_tag(draw, axes, event, box, placed)


def _draw_tag(
    draw: ImageDraw.ImageDraw,
    axes: Axes,
    event: Event,
    box: tuple[float, float, float, float],
    placed: list[tuple[float, float, float, float]],
) -> None:
    """Label and score where no other tag is, tied to its box by a line when not beside it."""
    text = f"{event.label} {event.score:.2f}"
    width, height = draw.textlength(text, font(_TAG_PX)) + 8, _TAG_PX + 5
    tag = axes.tag_place(box, width, height, placed)
    placed.append(tag)
    colour = _BOX_COLOURS.get(event.label, _OTHER_BOX)
    if tag[3] < box[1] - 2:
        draw.line((box[0], tag[3], box[0], box[1]), colour)
    draw.rectangle(tag, fill=colour, outline=_HALO)
    draw.text(((tag[0] + tag[2]) / 2, (tag[1] + tag[3]) / 2), text, _HALO, font(_TAG_PX), anchor="mm")


def write_images(
    folder: Path,
    name: PurePosixPath,
    recording: Recording,
    events: Sequence[Event],
    read: ReadSamples,
    *,
    top_hz: float = TOP_HZ,
) -> list[Path]:
    """Write a picture of every 12 s segment in which an event of this recording begins.

    Parameters
    ----------
    folder
        Where the pictures go.
    name
        The recording's part of their names, with folders, from `ndoki.tables.layout.mirrored_names`. A
        picture is called ``<name>_<offset in seconds>s.png``, with ``_ch<number>`` in front of the ending
        when the recording has several channels.
    recording
        Where the events lie.
    events
        The recording's events.
    read
        Gives samples.
    top_hz
        Upper end of the frequency axis.

    Returns
    -------
    list of Path
        The pictures, by time and channel.

    Raises
    ------
    OutputError
        A picture cannot be written.
    """
    segment_samples = SEGMENT_S * recording.rate_hz
    segments: dict[tuple[int, int], list[Event]] = {}
    for event in events:
        segments.setdefault((event.first_sample // segment_samples, event.channel), []).append(event)
    paths = []
    for (segment, channel), own in sorted(segments.items(), key=lambda item: item[0]):
        first = segment * segment_samples
        running = [event for event in segments.get((segment - 1, channel), ()) if event.end_sample > first]
        samples = read(first, min(first + segment_samples, recording.n_samples), channel)
        image = segment_image(
            samples,
            recording.rate_hz,
            running + own,
            offset_s=segment * SEGMENT_S,
            title=_title(recording, channel),
            begins_at=_begins_at(recording, first),
            top_hz=top_hz,
        )
        suffix = f"_ch{channel + 1}" if recording.n_channels > 1 else ""
        path = folder / f"{name}_{segment * SEGMENT_S:06d}s{suffix}.png"
        data = io.BytesIO()
        # Noise does not compress: the highest level takes three times as long for a bigger file.
        image.save(data, format="PNG", compress_level=1)
        write_bytes(path, data.getvalue())
        paths.append(path)
    return paths


def _title(recording: Recording, channel: int) -> str:
    parts = [recording.source.replace("\\", "/").rsplit("/", 1)[-1]]
    if recording.site:
        parts.append(recording.site)
    if recording.n_channels > 1:
        parts.append(f"channel {channel + 1}")
    return "  ·  ".join(parts)


def _begins_at(recording: Recording, first_sample: int) -> datetime | None:
    begin = recording.time_of(first_sample)
    return None if begin is None else begin.astimezone(recording.local_zone or UTC)
