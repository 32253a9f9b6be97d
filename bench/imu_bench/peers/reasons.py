"""Why something failed, in words that are the same on every machine."""

import re
from typing import Final

_ROOT: Final = r"(?:file://)?(?:[A-Za-z]:[/\\]+|/+)"
_QUOTED: Final = re.compile(rf"""(?P<quote>['"])(?P<path>{_ROOT}[^'"\n]*)(?P=quote)""")
"""There a path may have spaces."""
_BARE: Final = re.compile(
    # neither behind a letter nor behind a dot, and no address: m/s, raw/pelvis.parquet, ./here, http://there
    r"""(?<![^\s'"`(\[{<=:,;|>])(?!(?<=:)//)"""
    rf"""{_ROOT}(?=[^\s/\\])(?:[^\s'"`/\\:,;|<>]+[/\\]+)*[^\s'"`/\\:,;|<>()\[\]{{}}]*"""
)


def without_paths(text: str) -> str:
    """Of every absolute path only its last part, for the others are this machine's.

    >>> without_paths("can't read '/home/me/raw/pelvis.parquet': acc in m/s^2")
    "can't read 'pelvis.parquet': acc in m/s^2"
    """
    text = _QUOTED.sub(lambda found: f"{found['quote']}{_last(found['path'])}{found['quote']}", text)
    return _BARE.sub(lambda found: _last(found[0]), text)


def _last(path: str) -> str:
    return re.split(r"[/\\]+", path.rstrip("/\\"))[-1] or path
