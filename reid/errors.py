"""Every error that vreid raises on purpose.

    VreidError
    +-- InputError        what the user gave cannot be used; the command exits with code 2
        +-- ConfigError   a key or value in a YAML file, or a flag's value
        +-- SourceError   a camera's file, folder, device or stream
        +-- WeightsError  a checkpoint or a detector's weights
        +-- OutputError   the place where results should go
        +-- ImageError    a picture of a data set
        +-- PartlyThereError   a data set of which something is missing
    +-- RunError          what was begun could not be finished, through no fault of the input; exit code 1

A message says what was given, what was expected and where; it fits one line. Errors of other libraries are turned
into one of these where they are caught, with the library's own error as the cause.
"""


class VreidError(Exception):
    """The root: catch this to catch everything that vreid raises on purpose."""


class InputError(VreidError):
    """What the user gave cannot be used."""


class ConfigError(InputError):
    """A configuration file or a flag holds a key or value that is not understood."""


class SourceError(InputError):
    """A camera's source cannot be opened or read."""


class WeightsError(InputError):
    """A checkpoint or weights file is missing, damaged, unsafe or of the wrong kind."""


class OutputError(InputError):
    """Results cannot be written where the user asked for them."""


class ImageError(InputError):
    """A picture of a data set is missing or cannot be decoded; the message begins with its name."""


class PartlyThereError(InputError):
    """A folder holds some of a data set's parts but not all."""


class RunError(VreidError):
    """Something that was begun could not be finished: a full disk, memory that ran out, a device that failed."""
