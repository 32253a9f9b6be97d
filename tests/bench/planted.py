"""Detectors for the tests of who runs them. They are found as tests.bench.planted:NAME, in any process."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from imu_bench.detector import About
from imu_bench.predictions import write_predictions


def about(name, **packages):
    return About(name, name.capitalize(), "planted", "MIT", packages)


class Counts:
    """One contact, at the number of samples of the left foot; says what it saw through `seen.jsonl` where it stands."""

    about = about("counts", numpy="2")

    def detect(self, heard):
        with Path("seen.jsonl").open("a") as file:
            file.write(json.dumps(dict(heard.session.document)) + "\n")
        left = heard.samples["foot_left"]
        return {
            "contacts": [{"foot": "left", "t_contact_ns": len(left), "t_told_ns": 5, "foot_angle_deg": left.acc.sum()}]
        }


class Raises:
    """On every recording without a pelvis; then in two lines."""

    about = about("raises")

    def detect(self, heard):
        if "pelvis" not in heard.samples:
            raise ArithmeticError("no pelvis\nat all")
        return {"contacts": []}


class Spoils:
    """Tries to change what the next detector gets."""

    about = about("spoils")

    def detect(self, heard):
        heard.samples["foot_left"].acc[:] = 0.0
        return {}


class Slips:
    """A column that there is not."""

    about = about("slips")

    def detect(self, heard):
        return {"contacts": [{"foot": "left", "t_contact": 1}]}


class Outside:
    """As Counts, but of files; fails the recordings that have no pelvis, and forgets those without a right foot."""

    about = about("outside")

    def run(self, tasks):
        failed = {}
        for task in tasks:
            files = sorted(str(path.relative_to(task.session)) for path in task.session.rglob("*") if path.is_file())
            with Path("laid.jsonl").open("a") as file:
                file.write(json.dumps([files, json.loads((task.session / "session.json").read_text())]) + "\n")
            if "raw/pelvis.parquet" not in files:
                failed[task] = f"there is no\n{task.session}/raw/pelvis.parquet"
            elif "raw/foot_right.parquet" in files:
                rows = pq.read_table(task.session / "raw" / "foot_left.parquet")
                acc = sum(rows[f"acc_{axis}"].to_numpy().astype(float).sum() for axis in "xyz")
                contact = {"foot": "left", "t_contact_ns": len(rows), "t_told_ns": 5, "foot_angle_deg": acc}
                write_predictions(task.predictions, {"contacts": [contact]})
            shutil.rmtree(task.session)
        return failed


class Sulks:
    """Does not start."""

    about = about("sulks")

    def run(self, tasks):
        raise OSError("not today")


class Teller:
    """Tells a contact at once, tells it otherwise at the end, and another one only there."""

    about = about("teller")

    def start(self, session):
        return Told()


class Told:
    def __init__(self):
        self.newest_ns = self.at_ns = None

    def push(self, sensor, samples):
        self.newest_ns = int(samples.t_ns[-1])
        if sensor == "foot_left" and self.at_ns is None and self.newest_ns > 2_000_000_000:
            self.at_ns = self.newest_ns - 50_000_000
            return [{"foot": "left", "t_contact_ns": self.at_ns, "direction": "uncertain", "t_told_ns": 1}]
        return ()

    def end(self):
        later = {"foot": "left", "t_contact_ns": self.at_ns, "direction": "forward", "pattern": "flat"}
        other = {"foot": "right", "t_contact_ns": 3_000_000_000, "direction": "forward", "t_told_ns": 7}
        return {"contacts": [{**later, "t_release_ns": self.newest_ns}, other], "strides": []}
