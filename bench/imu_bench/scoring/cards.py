"""What is known of the data that are scored: of a published data set its card, of recordings of one's own nothing.

A session's name is what its owner made of it. Whoever calls a recording of one's own ipol-me must not find it published
under another's licence. So a card is granted only where all sessions of that name are the data set's own:

- made here of its originals, or
- of a name that its index lists, or
- of a source, in session.json, that begins with what its reader writes there; of simulated ones, that was simulated.
"""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from imu.core.errors import RetrogaitError
from imu.core.session import Session
from imu.store.folder import read_session
from imu_bench.running import recordings
from imu_bench.running.recordings import RECORDINGS, card_of
from imu_bench.running.scenario import SIMULATED
from imu_datasets.card import Card
from imu_datasets.dataset import dataset, names

CARD: Final = ("title", "citation", "licence", "kind", "figures")


def granted(data: str, sessions: Iterable[Path], out: Path) -> Card | None:
    """The card of a data set; None where it has none, or where one of the sessions is not known to be its own."""
    card = card_of(data)
    return card if card is not None and all(_is_own(data, one, out) for one in sessions) else None


def is_made(data: str, session: Path, out: Path) -> bool:
    """Whether a session was made here, of originals."""
    return (out / RECORDINGS / data).resolve() in session.resolve().parents


def _is_own(data: str, folder: Path, out: Path) -> bool:
    if is_made(data, folder, out):
        return True
    try:
        session = read_session(folder)
    except (RetrogaitError, OSError):
        # it is not scored
        return True
    if data == SIMULATED:
        return _source(session) == SIMULATED
    if data not in names():
        return False
    if session.session in dataset(data).index.sessions:
        return True
    try:
        reader = import_module(f"imu_datasets.readers.{data}")
    except ImportError:
        # a reader needs more than a card does
        return False
    source = getattr(reader, "SOURCE", "")
    return bool(source) and _source(session).startswith(source)


def _source(session: Session) -> str:
    return str(session.document.get("source", ""))


def about_data(data: str, card: Card | None) -> dict[str, Any]:
    """What its card says. Of recordings without one nobody has said that they may be shown."""
    if card is None:
        return dict.fromkeys(("citation", "licence"), "no card") | {
            "title": f"sessions {data}-*",
            "kind": "recordings of one's own",
            "figures": "private",
            "truth": {},
        }
    told = {key: " ".join(str(getattr(card, key)).split()) for key in CARD}
    return told | {"truth": {label: " ".join(meaning.split()) for label, meaning in card.truth.items()}}


def left_out(data: str, sessions: Iterable[Path], out: Path) -> dict[str, list[str]]:
    """What could not be made of a data set's originals; nothing of sessions that were given."""
    if not all(is_made(data, one, out) for one in sessions):
        return {}
    told = recordings.left_out(data, out)
    return {"left_out": told} if told else {}
