"""run.json: which sessions of a scenario a detector has been through, of what they were made, and which ones failed."""

import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

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
        return cls(folder, scenario, said, seed, dict(before.get("made_of", {})), dict(before.get("failed", {})))

    def is_done(self, session: str, digest: str) -> bool:
        """A failure is tried again: the reason may have been the machine's."""
        return self.made_of.get(session) == digest and session not in self.failed and (self.folder / session).is_dir()

    def begin(self, wanted: Mapping[str, str]) -> list[str]:
        """The sessions that are still to be done, by digest; whatever is not one of those that are done is removed.

        Raises:
            CannotWrite: with the system's reason.
        """
        self.made_of = {name: digest for name, digest in wanted.items() if self.is_done(name, digest)}
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
        }
        write_bytes(self.folder / RUN, canonical_json(document, indent=2).encode())
        self.changed = False


def read(folder: Path) -> dict[str, Any]:
    """A run.json that an earlier call wrote; nothing where there is none, or it is damaged: then all is done anew."""
    try:
        document = json.loads((folder / RUN).read_text("utf-8"))
        known = document["schema"] == SCHEMA and all(isinstance(document[key], dict) for key in ("made_of", "failed"))
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return document if known else {}


def digest(heard: str, by: str) -> str:
    """Of what was heard, and by which detector."""
    return f"{heard} {by}"


def forget(out: Path, scenario: str, heard: Mapping[str, str], *, keep: Collection[str]) -> list[str]:
    """Take the run.json from detectors of an earlier call that heard something else: other recordings, another seed.
    They would be scored beside what is found now. Their tables stay.

    Args:
        out: holds predictions/.
        scenario: its id.
        heard: what is heard now, by session.
        keep: detectors of this call.

    Returns:
        Names of those that were forgotten.

    Raises:
        CannotWrite: with the system's reason.
    """
    forgotten: list[str] = []
    for path in sorted((out / PREDICTIONS / scenario).glob(f"*/{RUN}")):
        document = read(path.parent)
        if path.parent.name in keep or not document:
            continue
        before = {name: str(made).partition(" ")[0] for name, made in document["made_of"].items()}
        if before != dict(heard):
            remove(path)
            forgotten.append(path.parent.name)
    return forgotten
