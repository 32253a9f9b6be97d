"""New session folders: `session.json`, and truth beside it where there is any."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from imu.core.canonical import canonical_json
from imu.core.errors import DuplicateSession
from imu.core.session import Session
from imu.core.tables import TRUTH_CONTACTS, TRUTH_PELVIS, TRUTH_STEPS, Columns
from imu.store.atomic import write_bytes
from imu.store.folder import SESSION_FILE
from imu.store.tables import write_columns


def create_session(folder: Path, document: Session | Mapping[str, Any], *, overwrite: bool = False) -> Session:
    """Check a session's description and write its `session.json`; the folder is made if need be.

    Raises:
        BadSessionFile: as `Session.parse`.
        DuplicateSession: if the folder holds a session already and `overwrite` is not set.
        CannotWrite: with the system's reason.
    """
    session = Session.parse(dict(document.document if isinstance(document, Session) else document))
    file = folder / SESSION_FILE
    if file.exists() and not overwrite:
        raise DuplicateSession(f"{folder} holds a session already; want a new folder (recorded or imported twice?)")
    write_bytes(file, canonical_json(session.document, indent=2).encode())
    return session


def write_truth(
    folder: Path,
    *,
    contacts: Columns,
    steps: Columns | None = None,
    pelvis: Iterable[Columns] | None = None,
    version: str,
    params: Mapping[str, Any],
) -> None:
    """What really happened, beside a session: `truth_contacts.parquet`, and where there are any `truth_steps.parquet`
    and, block by block, `truth_pelvis.parquet`. Rows are in the order of the tables.

    Raises:
        CannotWrite: with the system's reason.
        ValueError: for columns that are not the table's.
    """
    for table, blocks in (
        (TRUTH_CONTACTS, [contacts]),
        (TRUTH_STEPS, None if steps is None else [steps]),
        (TRUTH_PELVIS, pelvis),
    ):
        if blocks is not None:
            write_columns(folder / f"{table.name}.parquet", table, blocks, version=version, params=params)
