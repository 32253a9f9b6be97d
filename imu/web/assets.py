"""Files of a page, out of the installed package and nowhere else."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final, NamedTuple

CONTENT_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "": "text/plain; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".md": "text/plain; charset=utf-8",
        ".png": "image/png",
        ".svg": "image/svg+xml",
        ".txt": "text/plain; charset=utf-8",
        ".woff2": "font/woff2",
    }
)
"""What the system says of suffixes differs between systems: some call JavaScript plain text, and no browser runs it."""


class Asset(NamedTuple):
    """One file as it is sent."""

    body: bytes
    content_type: str
    etag: str
    """Of its content, quoted as in the header."""

    def headers(self) -> dict[str, str]:
        """The browser may keep it, and asks each time whether it is still this one."""
        return {"content-type": self.content_type, "etag": self.etag, "cache-control": "no-cache"}

    def is_known(self, if_none_match: str | None) -> bool:
        """Whether a browser that sent this header has it."""
        said = [] if if_none_match is None else [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
        return self.etag in said or "*" in said


def read_assets(folder: Traversable) -> Mapping[str, Asset]:
    """All files of a folder of a package and of those within, by path from there; none whose kind is not known.

    They are read once and found by name alone: no request leads to any other file.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    return MappingProxyType({path: _asset(file) for path, file in sorted(_walk(folder, "")) if _kind(path) is not None})


def _walk(folder: Traversable, at: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{at}{entry.name}/")
        else:
            yield f"{at}{entry.name}", entry


def _kind(path: str) -> str | None:
    return CONTENT_TYPES.get(PurePosixPath(path).suffix.lower())


def _asset(file: Traversable) -> Asset:
    body = file.read_bytes()
    return Asset(body, _kind(file.name) or "", f'"{sha256(body).hexdigest()[:16]}"')
