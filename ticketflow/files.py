"""Where the files that are not Python live: templates, static files and migrations.

They stand at the top of the checkout; a built wheel carries them inside the package as `_files`.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder `templates`, `static` or `migrations`, in a wheel or in a checkout alike."""
    installed = _PACKAGE / "_files" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
