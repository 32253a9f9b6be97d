"""run.json: which sessions of a scenario a detector has been through, of what they were made, and which ones failed."""

import json
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from imu.core.canonical import canonical_json
from imu.store.atomic import remove, write_bytes
from imu_bench.detector import About
from imu_bench.running.feed import PACKET_MS

PREDICTIONS: Final = "predictions"
RUN: Final = "run.json"
SCHEMA: Final = "retrogait.predictions/1"


def folder_of(out: Path, scenario: str, detector: str) -> Path:
    """Where a detector's predictions of a scenario lie."""
    return out / PREDICTIONS / scenario / detector


@dataclass(slots=True)
class Ledger:
    """Of one detector in one scenario."""

    folder: Path
    scenario: str
    about: Mapping[str, Any]
    seed: int
    made_of: dict[str, str] = field(default_factory=dict[str, str])
    """By session, the digest of all that went into its predictions, or its failure."""
    failed: dict[str, str] = field(default_factory=dict[str, str])
    files: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    """By session that did not fail, the tables that were written, with their sizes."""
    changed: bool = False

    @classmethod
    def open(cls, out: Path, scenario: str, about: About, kind: str, seed: int) -> Self:
        """As an earlier call left it; empty where there was none."""
        folder = folder_of(out, scenario, about.name)
        said = {
            "name": about.name,
            "title": about.title,
            "source": about.source,
            "licence": about.licence,
            "packages": dict(about.packages),
            "kind": kind,
        }
        before = read(folder)
        made_of, failed, files = (dict(before.get(key, {})) for key in ("made_of", "failed", "files"))
        return cls(folder, scenario, said, seed, made_of, failed, files)

    def is_done(self, session: str, digest: str) -> bool:
        """A failure is tried again: the reason may have been the machine's. So is what was deleted or cut short since:
        it would count as the detector's failure.
        """
        return (
            self.made_of.get(session) == digest
            and session not in self.failed
            and session in self.files
            and self.files[session] == _tables(self.folder / session)
        )

    def begin(self, wanted: Mapping[str, str]) -> list[str]:
        """The sessions that are still to be done, by digest; whatever is not one of those that are done is removed.

        Raises:
            CannotWrite: with the system's reason.
        """
        self.made_of = {name: digest for name, digest in wanted.items() if self.is_done(name, digest)}
        self.files = {name: self.files[name] for name in self.made_of}
        self.failed = {}
        self.save()
        if self.folder.is_dir():
            for stale in sorted(self.folder.iterdir()):
                if stale.is_dir() and stale.name not in self.made_of:
                    shutil.rmtree(stale)
        return [name for name in wanted if name not in self.made_of]

    def note(self, session: str, digest: str, failure: str | None) -> None:
        """One more is done."""
        self.made_of[session] = digest
        if failure is not None:
            self.failed[session] = failure
        elif (tables := _tables(self.folder / session)) is not None:
            self.files[session] = tables
        self.changed = True

    def take(self, other: "Ledger", session: str) -> None:
        """A copy of what another one holds of a session.

        Raises:
            OSError: with the system's reason.
        """
        shutil.copytree(other.folder / session, self.folder / session, dirs_exist_ok=True)

    def save(self) -> None:
        """Write it.

        Raises:
            CannotWrite: with the system's reason.
        """
        document = {
            "schema": SCHEMA,
            "scenario": self.scenario,
            "detector": self.about,
            "packet_ms": PACKET_MS,
            "seed": self.seed,
            "made_of": self.made_of,
            "failed": self.failed,
            "files": self.files,
        }
        write_bytes(self.folder / RUN, canonical_json(document, indent=2).encode())
        self.changed = False


def read(folder: Path) -> dict[str, Any]:
    """A run.json that an earlier call wrote; nothing where there is none, or it is damaged: then all is done anew."""
    try:
        document = json.loads((folder / RUN).read_text("utf-8"))
        parts = (document["made_of"], document["failed"], document.get("files", {}))
        known = document["schema"] == SCHEMA and all(isinstance(part, dict) for part in parts)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return document if known else {}


def digest(heard: str, by: str) -> str:
    """Of what was heard, and by which detector."""
    return f"{heard} {by}"


class Others(NamedTuple):
    """Detectors of an earlier call that this one does not name."""

    kept: list[str]
    """They are scored beside those of this call."""
    forgotten: dict[str, str]
    """With the reason."""


def forget(
    out: Path, scenario: str, heard: Mapping[str, str], *, keep: Collection[str], code_of: Callable[[str], str | None]
) -> Others:
    """Take the run.json from detectors of an earlier call that heard something else, other recordings or another seed,
    and from those that have changed since. They would be scored beside what is found now. Their tables stay.

    Args:
        out: holds predictions/.
        scenario: its id.
        heard: what is heard now, by session.
        keep: detectors of this call.
        code_of: digest of what a detector is made of now; None where nobody knows.

    Raises:
        CannotWrite: with the system's reason.
    """
    others = Others([], {})
    for path in sorted((out / PREDICTIONS / scenario).glob(f"*/{RUN}")):
        name = path.parent.name
        document = read(path.parent)
        # what somebody else has written there is no call's
        if name in keep or not document:
            continue
        before = {session: str(made).partition(" ") for session, made in document["made_of"].items()}
        code = code_of(name)
        if {session: made for session, (made, _, _) in before.items()} != dict(heard):
            others.forgotten[name] = "of other recordings or another seed"
        elif code is not None and any(by != code for _, _, by in before.values()):
            others.forgotten[name] = "by another version of it"
        else:
            others.kept.append(name)
    for name in others.forgotten:
        remove(out / PREDICTIONS / scenario / name / RUN)
    return others


def _tables(folder: Path) -> dict[str, int] | None:
    """Sizes of the tables that lie there; None where there is no folder."""
    try:
        return {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.suffix == ".parquet"}
    except OSError:
        return None
