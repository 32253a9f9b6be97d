"""Which scenarios a call means, and where their sessions lie."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from imu.cli.boundary import one_line
from imu.core.errors import UsageError
from imu_bench.running.recordings import NoRecordings, Sessions, at_hand, data_sets, given, is_private, made, staged
from imu_bench.running.scenario import Scenario, Staged, scenario, shelf

Tell: TypeAlias = Callable[[str], None]


def choose(
    ids: Sequence[str],
    *,
    everything: bool,
    sessions: Sequence[str] | None,
    private: bool,
    out: Path,
    tell: Tell = lambda note: None,
) -> list[Staged]:
    """Scenarios with the folders of their sessions, in the order asked for.

    Args:
        ids: of scenarios; none = all of the sessions that are given, as recorded.
        everything: all that is run of every data set that is at hand.
        sessions: session folders, stores or globs, in place of originals.
        private: data sets of which nothing may be shown are meant as well.
        out: below it sessions are made of originals.
        tell: is given a line on what is made, and on what is left out of everything.

    Raises:
        UsageError: no such scenario; one of private data that was not asked for with `private`.
        NoRecordings: of what is asked for by name, a data set that makes no session; or none is left at all.
        SessionError: sessions that can't be read.
        CannotWrite: with the system's reason.
    """
    own = None if sessions is None else given(sessions, tell)
    if ids:
        wanted = list(dict.fromkeys(scenario(one) for one in ids))
    elif everything:
        wanted = [one for data in (data_sets() if own is None else own) for one in shelf(data)]
    else:
        wanted = [Scenario(data, "all") for data in own or ()]
    chosen: list[Staged] = []
    of_data: dict[str, Sessions | None] = {}
    for one in wanted:
        if one.data not in of_data:
            of_data[one.data] = None
            try:
                of_data[one.data] = _sessions(one, own, named=bool(ids), private=private, out=out, tell=tell)
            except NoRecordings as error:
                # one that can't be made takes nothing from the others
                if ids:
                    raise
                tell(f"{one_line(error)}; left out")
        found = of_data[one.data]
        if found is None:
            continue
        try:
            chosen.append(staged(one, found))
        except NoRecordings as error:
            if ids:
                raise
            tell(one_line(error))
    if not chosen:
        raise NoRecordings("nothing is left to run; want simulated/all, which needs no files (see imu-bench list)")
    return chosen


def _sessions(
    one: Scenario, own: dict[str, dict[str, Path]] | None, *, named: bool, private: bool, out: Path, tell: Tell
) -> Sessions | None:
    """None where it is to be left out."""
    if own is not None and one.data not in own:
        raise NoRecordings(f"--sessions has none of {one.data}; it has {', '.join(own)}")
    if own is None and one.data not in data_sets():
        # for its refusal
        return made(one.data, out, tell)
    if is_private(one.data) and not private:
        if named:
            raise UsageError(f"{one.id} is of private data, whose figures may be shown to nobody; want --private")
        if own is not None or at_hand(one.data):
            tell(f"{one.data}: left out, for its figures may be shown to nobody; --private runs it")
        return None
    if own is not None:
        return own[one.data]
    if not named and not at_hand(one.data):
        tell(f"{one.data}: left out, its files are not at hand (see imu-data list)")
        return None
    return made(one.data, out, tell)
