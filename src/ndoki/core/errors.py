"""Everything that Ndoki raises on purpose.

::

    NdokiError
    ├── InputError                what the user gave cannot be used
    │   ├── AudioError            (also OSError)     a sound file
    │   │   └── RemoteError                          a server did not give it; later it may
    │   ├── TableError            (also ValueError)  a CSV, a selection table, a label file
    │   ├── LabelError            (also ValueError)  a data set's labels or manifest
    │   ├── ConfigError           (also ValueError)  a recipe, an option
    │   └── ClockError            (also ValueError)  a date, a time or a zone
    ├── ModelError                a detector's file
    ├── ClusterError              (also OSError)     workers elsewhere, and who leads them
    └── OutputError               (also OSError)     a place that results should go to

A message says what was read, what was found, what was expected and what to do.
"""

__all__ = [
    "AudioError",
    "ClockError",
    "ClusterError",
    "ConfigError",
    "InputError",
    "LabelError",
    "ModelError",
    "NdokiError",
    "OutputError",
    "RemoteError",
    "TableError",
]


class NdokiError(Exception):
    """The root: whatever Ndoki raises on purpose."""


class InputError(NdokiError):
    """What the user gave cannot be used."""


class AudioError(InputError, OSError):
    """A sound file that cannot be read, not even in part."""


class RemoteError(AudioError):
    """A file that a server did not give, although it may be whole: nothing is known of its sound."""


class TableError(InputError, ValueError):
    """A table that cannot be read."""


class LabelError(InputError, ValueError):
    """Labels or a manifest that contradict themselves or their audio."""


class ConfigError(InputError, ValueError):
    """A recipe or an option with an unknown key or an impossible value."""


class ClockError(InputError, ValueError):
    """A date, a time or a zone that cannot be understood."""


class ModelError(NdokiError):
    """A detector's file that is missing, damaged or of another kind."""


class ClusterError(NdokiError, OSError):
    """Workers of a cluster that are gone, or cannot do what is wanted. What was heard is kept."""


class OutputError(NdokiError, OSError):
    """A place that cannot take results."""
