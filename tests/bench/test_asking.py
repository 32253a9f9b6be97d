"""One recording through several detectors: nobody spoils it for the next, and reasons tell of no machine."""

import json

import numpy as np
import pytest

from imu.core.errors import UsageError
from imu_bench.detector import About
from imu_bench.running import asking
from imu_bench.running.asking import Errand, Recording, answer
from imu_bench.running.perturb import PERTURBATIONS
from imu_bench.running.scenario import Scenario

FIELDS = ("t_ns", "seq", "acc", "gyr", "clipped")


def about(name):
    return About(name, name, "planted", "MIT", {})


class Asks:
    """Does to what it gets whatever it is told to."""

    def __init__(self, name, does):
        self.about, self._does = about(name), does

    def detect(self, heard):
        return self._does(heard) or {}


class Elsewhere:
    """Fails each task for a reason of its own."""

    about = about("elsewhere")

    def __init__(self, reason):
        self._reason = reason

    def run(self, tasks):
        return {task: self._reason.format(task=task) for task in tasks}


@pytest.fixture
def ask(copied, tmp_path, monkeypatch):
    """Lead a walk through detectors, given by what they do; get their reasons."""

    def call(*does, perturbation=None, folder=None):
        known = {str(place): Asks(str(place), one) for place, one in enumerate(does)}
        monkeypatch.setattr(asking, "_loaded", known.__getitem__)
        work = Recording(
            scenario=Scenario("a", "all", perturbation),
            session="walk",
            folder=folder or copied(),
            seed=1,
            out=tmp_path / "out",
            detectors=tuple((word, word) for word in known),
            laid=None,
        )
        return [one.reason for one in answer(work, lambda share: None)]

    return call


def spoiled(heard):
    """Whoever could be changed, is."""
    for rows in heard.samples.values():
        for field in FIELDS:
            values = getattr(rows, field)
            for unlocks in (False, True):
                try:
                    if unlocks:
                        values.setflags(write=True)
                    values[:] = 0
                except ValueError:
                    continue
    for name, given in (("clear", ()), ("pop", ("foot_left",))):
        try:
            getattr(heard.samples, name)(*given)
        except AttributeError:
            continue
    heard.session.document["sensors"]["foot_left"]["rate_hz"] = 7.0


@pytest.mark.parametrize("perturbation", [None, *PERTURBATIONS])
def test_nobody_spoils_it_for_the_next(perturbation, ask):
    seen = []

    def look(heard):
        seen.append(
            {sensor: [getattr(rows, field).copy() for field in FIELDS] for sensor, rows in heard.samples.items()}
        )
        seen.append(json.dumps(dict(heard.session.document)))

    assert ask(look, spoiled, look, perturbation=perturbation) == [None] * 3
    before, document, after, same = seen
    assert document == same
    assert before.keys() == after.keys()
    for sensor, fields in before.items():
        assert all(np.array_equal(one, other) for one, other in zip(fields, after[sensor], strict=True))


def test_a_mapping_is_one_s_own_to_read(ask):
    def takes(heard):
        heard.samples["foot_left"] = heard.samples.pop("foot_right")

    (reason,) = ask(takes)
    assert reason.startswith(("TypeError: ", "AttributeError: "))


def test_reasons_tell_of_no_machine(ask):
    def raises(error):
        def does(heard):
            raise error

        return does

    assert ask(
        raises(FileNotFoundError(2, "No such file or directory", "/home/me/my models/net.npz")),
        raises(ValueError("/opt/x/lib/a.so: acc in m/s^2")),
        raises(UsageError("want /home/me/raw/pelvis.parquet")),
    ) == [
        "[Errno 2] No such file or directory: 'net.npz'",
        "ValueError: a.so: acc in m/s^2",
        "want pelvis.parquet",
    ]


def test_a_recording_that_can_not_be_read_is_told_by_the_path_within_it(ask, copied):
    folder = copied()
    (folder / "raw" / "pelvis.parquet").write_bytes(b"PAR1")
    (reason,) = ask(lambda heard: None, folder=folder)
    assert "raw/pelvis.parquet can't be read" in reason
    assert str(folder.parent) not in reason


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("no {task.session}/raw/pelvis.parquet", "no raw/pelvis.parquet"),
        # not by the number of the folder that it was laid out in
        ("nothing in {task.session}", "nothing in walk"),
        ("{task.predictions}: full", "walk: full"),
        ("{task.session}2 is another", "02 is another"),
        ("/usr/lib/libgomp.so.1: missing", "libgomp.so.1: missing"),
    ],
)
def test_who_works_on_files_tells_of_no_machine_either(said, left, copied, tmp_path, monkeypatch):
    laid = copied().rename(tmp_path / "0")
    monkeypatch.setattr(asking, "_loaded", lambda word: Elsewhere(said))
    errand = Errand("x", "elsewhere", (("a/all", "walk", laid),), tmp_path / "out", tmp_path / "scratch")
    assert [one.reason for one in answer(errand, lambda share: None)] == [left]
