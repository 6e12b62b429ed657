"""The templates: pictures of shots to compare with, where they come from, and the file that holds them."""

import hashlib
import json
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ndoki.core.errors import ConfigError, ModelError
from ndoki.core.types import Floats
from ndoki.features.mel import MelSpec
from ndoki.tables.atomic import open_atomic

__all__ = ["TemplateBank", "read_bank", "write_bank"]

_KIND = "ndoki-template-bank-1"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TemplateBank:
    """A set of templates of equal length.

    Attributes
    ----------
    mel
        How their frames were made, and how the sound's frames must be made.
    patches
        float16, shape (n_templates, n_frames, n_mels), log power in dB, finite. A rounding of 1/16 dB
        (float16 between 64 and 128) is far below the 4 dB by which noise scatters.
    onset_frame
        Row of every patch in which its shot begins.
    duration_s, low_hz, high_hz
        float32, shape (n_templates,): extent of each template's shot, copied to what it finds.
    names
        Where each template comes from.
    name
        What tables call a detector with these templates.
    provenance
        Free text, by convention JSON: data, licence, attribution, parameters.
    """

    mel: MelSpec
    patches: npt.NDArray[np.float16]
    onset_frame: int
    duration_s: Floats
    low_hz: Floats
    high_hz: Floats
    names: tuple[str, ...]
    name: str = "template"
    provenance: str = ""

    def __post_init__(self) -> None:
        shape = self.patches.shape
        if len(shape) != 3 or 0 in shape or shape[2] != self.mel.n_mels:
            raise ConfigError(
                f"templates have shape {shape}; "
                f"expected (templates, frames, {self.mel.n_mels}), none of them 0"
            )
        if not np.isfinite(self.patches).all():
            raise ConfigError("a template holds values that are not finite; take another sound")
        if not 0 <= self.onset_frame < shape[1]:
            raise ConfigError(f"onset_frame {self.onset_frame} lies outside a template of {shape[1]} frames")
        if {len(self.duration_s), len(self.low_hz), len(self.high_hz), len(self.names)} != {shape[0]}:
            raise ConfigError(
                f"durations, frequencies and names must each be {shape[0]} long, one per template"
            )

    @property
    def n_frames(self) -> int:
        """Length of each template in frames."""
        return int(self.patches.shape[1])

    @property
    def digest(self) -> str:
        """SHA-256 over all that can change a score or a box; names and provenance cannot."""
        content = hashlib.sha256(json.dumps([self.mel.to_dict(), self.onset_frame], sort_keys=True).encode())
        for array in (self.patches, self.duration_s, self.low_hz, self.high_hz):
            little_endian = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            content.update(f"{array.shape}{little_endian.dtype.str}".encode())
            content.update(little_endian.tobytes())
        return content.hexdigest()


def write_bank(bank: TemplateBank, path: Path) -> None:
    """Write a bank as one ``.npz`` file, whole or not at all. The same bank gives the same bytes.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    header = {
        "kind": _KIND,
        "mel": bank.mel.to_dict(),
        "onset_frame": bank.onset_frame,
        "name": bank.name,
        "names": bank.names,
        "provenance": bank.provenance,
        "digest": bank.digest,
    }
    with open_atomic(path) as file:
        np.savez_compressed(
            file,
            header=np.array(json.dumps(header, sort_keys=True)),
            patches=bank.patches,
            duration_s=bank.duration_s,
            low_hz=bank.low_hz,
            high_hz=bank.high_hz,
        )


def read_bank(path: Path) -> TemplateBank:
    """Read what `write_bank` wrote.

    Raises
    ------
    ModelError
        The file is missing, is no template bank, or its content does not fit its digest.
    """
    try:
        # Through memory, because np.load leaves a file that is no archive open.
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            header = json.loads(str(arrays["header"]))
            if header["kind"] != _KIND:
                raise ModelError(f"{path}: template bank of kind {header['kind']!r}; expected {_KIND!r}")
            bank = TemplateBank(
                mel=MelSpec(**header["mel"]),
                patches=arrays["patches"],
                onset_frame=header["onset_frame"],
                duration_s=arrays["duration_s"],
                low_hz=arrays["low_hz"],
                high_hz=arrays["high_hz"],
                names=tuple(header["names"]),
                name=header["name"],
                provenance=header["provenance"],
            )
            stated_digest = header["digest"]
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file; expected a template bank (.npz)") from error
    except (AttributeError, EOFError, KeyError, OSError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path}: cannot be read as a template bank ({error}); expected an .npz file written by Ndoki"
        ) from error
    if bank.digest != stated_digest:
        raise ModelError(
            f"{path}: content does not fit its digest; the file is damaged, make or fetch it again"
        )
    return bank
