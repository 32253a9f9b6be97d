"""Files of data sets, from where their owners publish them: each held against the index before it counts as one."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeAlias
from urllib.parse import quote, urlsplit

from imu.core.errors import RetrogaitError
from imu_datasets.dataset import DataSet
from imu_datasets.index import Entry, digest_of, verify

TIMEOUT_S: Final = 30.0
"""A server that says nothing for so long is gone."""
CHUNK_BYTES: Final = 1 << 16
MOST_IN_A_ROW: Final = 3
"""So many files refused one after the other, and the others are not asked for: the address is wrong, not a file."""

Outcome: TypeAlias = Literal["there", "fetched", "failed"]
Tell: TypeAlias = Callable[[str], None]
"""Is called with a line on how far it has come."""


class CannotFetch(RetrogaitError, OSError):
    """Files that can't be had: no address, no network, or nothing to hold them against."""

    # OSError prints what it takes for a number and a file's name; one plain line is wanted
    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file of the index, and what has become of it."""

    entry: Entry
    outcome: Outcome
    note: str = ""
    """Why it failed, or what was kept beside."""


def fetch(data: DataSet, url: str | None = None, tell: Tell = lambda _: None) -> Iterator[Fetched]:
    """Bring each file of the index that is missing, or differs, to where the data set's files belong.

    A good file stays as it is and nothing is asked for. A file that differs stays until a good one has come; then it
    goes to the folder `NAME.aside`, as does what came and is not what the index says. What comes and is longer is
    discarded.

    Args:
        data: which
        url: of a mirror that has the files by their paths in the index; None = what the card names
        tell: is called while bytes come in, often

    Raises:
        CannotFetch: there is nothing to fetch, or nobody to fetch it from.
    """
    address = _address(data, url)
    found = list(verify(data.folder(), data.index.files))
    # whose files are all here needs neither pooch nor a network
    pooch = None if all(checked.state == "good" for checked in found) else _pooch()
    refused = 0
    for checked in found:
        entry = checked.entry
        if checked.state == "good":
            yield Fetched(entry, "there")
            continue
        try:
            name = f"{data.name}: {entry.path}"
            note = _bring(
                pooch,
                entry,
                address(entry),
                data.folder(),
                lambda n, name=name, size=entry.size: tell(f"{name}, {n} of {size} bytes"),
            )
        except _Refused as error:
            refused += 1
            yield Fetched(entry, "failed", str(error))
            if refused == MOST_IN_A_ROW:
                raise CannotFetch(
                    f"{data.name}: {refused} files in a row were refused, the others are not asked for;"
                    " want another address (see --url)"
                ) from None
        else:
            refused = 0
            yield Fetched(entry, "fetched", note)


def _address(data: DataSet, url: str | None) -> Callable[[Entry], str]:
    if not data.index.files:
        raise CannotFetch(f"{data.name} has no index: nothing says which files to fetch; bring them yourself")
    pattern = "{path}"
    if url is None:
        if data.card.fetch is None:
            raise CannotFetch(
                f"{data.name} is not fetched: get its files from their owners, under their terms, into"
                f" {data.folder()}, or name a server of your own by --url (licence: {data.card.licence})"
            )
        url, pattern = data.card.fetch["url"], data.card.fetch.get("files", pattern)
    base = url.rstrip("/")
    return lambda entry: f"{base}/{quote(pattern.replace('{path}', entry.path))}"


def _pooch() -> Any:
    try:
        return import_module("pooch")
    except ModuleNotFoundError:
        raise CannotFetch(
            "fetching needs pooch, which is not installed; want: pip install 'retrogait[datasets]'"
        ) from None


class _Refused(Exception):
    """One file that could not be had; others may."""


def _bring(pooch: Any, entry: Entry, url: str, folder: Path, tell: Callable[[int], None]) -> str:
    """A file, into its place once it is whole and right; returns what was kept beside."""
    target = folder / entry.path
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(target, error) from None
    try:
        with part.open("wb") as file:
            counted = _Counted(file, url, entry.size, tell)
            _download(pooch, url, counted)
        if counted.sha256 != entry.sha256:
            kept = _keep_aside(part, folder, entry)
            raise _Refused(
                f"{url} gave {counted.size} bytes that are not what the index says ({entry.size} bytes, sha256"
                f" {entry.sha256[:12]}...); kept as {kept} (changed at its source, or a page that says no?)"
            )
        note = ""
        if target.exists():
            note = f"fetched; what stood there differs, and is kept as {_keep_aside(target, folder, entry)}"
        part.replace(target)
    except OSError as error:
        if isinstance(error, RetrogaitError):
            raise
        raise _cannot_write(target, error) from None
    finally:
        part.unlink(missing_ok=True)
    return note


def _cannot_write(path: Path, error: OSError) -> CannotFetch:
    return CannotFetch(f"can't write {path}: {error.strerror or error}; want a folder with room, and permission")


def _download(pooch: Any, url: str, into: "_Counted") -> None:
    requests: Any = import_module("requests")
    host = urlsplit(url).netloc
    try:
        pooch.HTTPDownloader(chunk_size=CHUNK_BYTES, timeout=TIMEOUT_S)(url, into, None)
    except requests.HTTPError as error:
        answer = error.response
        raise _Refused(f"{url}: {answer.status_code} {answer.reason}; want the file (moved, or removed?)") from None
    except requests.RequestException as error:
        if into.size or isinstance(error, requests.exceptions.ChunkedEncodingError):
            raise _Refused(f"{url}: broke off after {into.size} bytes; want all of it (fetch again)") from None
        raise CannotFetch(
            f"can't reach {host}: {_reason(error)}; want a network, --url of a mirror, or the files brought by hand"
        ) from None


def _reason(error: BaseException) -> str:
    """The innermost cause in few words: requests wraps urllib3's, which wraps the system's."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror and not seen.__cause__ and not seen.__context__:
            return seen.strerror
        error, seen = seen, seen.__cause__ or seen.__context__
    return type(error).__name__


def _keep_aside(path: Path, folder: Path, entry: Entry) -> Path:
    """Move a file out of the data set's folder; the same content twice is one file."""
    kept = folder.with_name(f"{folder.name}.aside") / f"{entry.path}.{digest_of(path)[:8]}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    path.replace(kept)
    return kept


class _Counted:
    """A file that is written, and what has been written so far: never more than it should be."""

    def __init__(self, file: IO[bytes], url: str, most: int, tell: Callable[[int], None]) -> None:
        self._file, self._url, self._most, self._tell = file, url, most, tell
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes) -> int:
        """As of a file.

        Raises:
            _Refused: more has come than the index says; the rest is not asked for.
        """
        if self.size + len(chunk) > self._most:
            raise _Refused(
                f"{self._url} gave more than the {self._most} bytes that the index says; want that file, what came is"
                " discarded (changed at its source, or another file?)"
            )
        self._digest.update(chunk)
        self.size += len(chunk)
        self._tell(self.size)
        return self._file.write(chunk)

    def flush(self) -> None:
        """As of a file."""
        self._file.flush()

    @property
    def sha256(self) -> str:
        """Of all that was written."""
        return self._digest.hexdigest()
