"""The decoding microscope: a recurrent model looked at while it writes, one widget for every application."""

from apps.shared.widgets.microscope.microscope import microscope
from apps.shared.widgets.microscope.payload import (
    Branch,
    Edit,
    MicroscopeView,
    Request,
    Source,
    SourceUnit,
    Stream,
    Target,
    words_as_units,
)

__all__ = [
    "Branch",
    "Edit",
    "MicroscopeView",
    "Request",
    "Source",
    "SourceUnit",
    "Stream",
    "Target",
    "microscope",
    "words_as_units",
]
