"""Session folders made of data sets, below a store."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from imu.core.errors import DuplicateSession, RetrogaitError
from imu.core.session import Session
from imu.store.folder import analysis_dir
from imu_datasets.dataset import BadOriginal, DataSet
from imu_datasets.recorded import Recorded


def convert(
    sets: Iterable[DataSet], store: Path, *, only: str = "*", overwrite: bool = False
) -> Iterator[tuple[DataSet, Path | Exception]]:
    """Write `<store>/subject=<code>/session=<id>` for each session, truth beside; yield its folder as soon as it is
    there, and in its place an error for what can't be read or written. The others go on.

    Args:
        sets: of which
        store: made if need be
        only: a pattern (`*`, `?`, `[...]`) of names of sessions; others are passed over
        overwrite: what an earlier call has written
    """
    written: set[Path] = set()
    for data in sets:
        for found in _each(data):
            if isinstance(found, Exception):
                yield data, found
            elif fnmatchcase(found.name, only):
                yield data, _written(found, store, written, overwrite=overwrite)


def _each(data: DataSet) -> Iterator[Recorded | Exception]:
    try:
        yield from data.found()
    # numbers that are none, text in another encoding and JSON that breaks off are ValueError
    except (RetrogaitError, ValueError, OSError) as error:
        slip = "" if isinstance(error, RetrogaitError) else " (a file that was changed? see imu-data verify)"
        yield BadOriginal(f"{error}; what follows of {data.name} is left out{slip}")


def _written(found: Recorded, store: Path, written: set[Path], *, overwrite: bool) -> Path | Exception:
    try:
        folder = analysis_dir(store, Session.parse(dict(found.document)))
        if folder in written:
            raise DuplicateSession(f"{found.name} comes twice; want one session of that name")
        found.write(folder, overwrite=overwrite)
    except (ValueError, OSError) as error:
        return error
    written.add(folder)
    return folder
