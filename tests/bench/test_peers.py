"""Peers: what is installed, how they are called, and what they see of a session. No peer has to be there."""

import ast
import importlib.util
import json
import math
import os
import re
import signal
import sys
import tempfile
import threading
import time
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imu_bench
from imu.core.tables import TRUTH_CONTACTS, TRUTH_PELVIS
from imu.store.tables import read_rows
from imu_bench.detector import Outside, Task
from imu_bench.peers import install as installing
from imu_bench.peers.catalog import RUNNERS, Entry, Environment, NoSuchPeer, entries, environments
from imu_bench.peers.install import available, install, is_installed, python_of, versions
from imu_bench.peers.outside import Outcomes, Peer, call, environment
from imu_bench.peers.reasons import without_paths
from imu_bench.peers.registry import installed, peers
from imu_bench.predictions import read_predictions

OURS = {"imu", "imu_bench", "imu_datasets", "firmware_bridge"}
THEIRS = {"gaitmap", "gaitmap_mad", "mobgap", "skdh", "vqf", "imufusion", "ahrs", "tpcp"}
MS = 1_000_000


def modules(path):
    """Top-level names that a file imports, wherever it does."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def loaded(name):
    """A runner's module that needs no peer."""
    spec = importlib.util.spec_from_file_location(f"runner_{name}", RUNNERS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


exchange = loaded("exchange")
attitude = loaded("attitude")


class TestCatalog:
    def test_every_detector_has_its_runner_and_its_environment(self):
        assert len({entry.name for entry in entries()}) == len(entries())
        for entry in entries():
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name)
            assert entry.runner.is_file()
            assert entry.environment is environments()[entry.environment.name]
            assert entry.title
            assert entry.source

    def test_every_package_has_one_version(self):
        for wanted in environments().values():
            named = [re.fullmatch(r"([A-Za-z0-9_.-]+)==([0-9][0-9a-z.]*)", line) for line in wanted.requires]
            assert all(named), wanted.name
            names = [match[1].lower().replace("_", "-") for match in named]
            assert len(set(names)) == len(names)
            # runners read and write Parquet, and compute
            assert {"pyarrow", "numpy"} <= set(names)

    def test_what_is_shown_is_what_is_installed(self):
        for entry in entries():
            names = {line.partition("==")[0].lower().replace("_", "-") for line in entry.environment.requires}
            assert {name.lower().replace("_", "-") for name in entry.shows} <= names

    def test_only_one_environment_holds_agpl_code(self):
        holding = [name for name, wanted in environments().items() if any("gaitmap_mad" in r for r in wanted.requires)]
        assert holding == ["gaitmap-mad"]
        assert environments()["gaitmap-mad"].licence == "AGPL-3.0"


class TestApart:
    @pytest.mark.parametrize("path", sorted(RUNNERS.glob("*.py")), ids=lambda path: path.name)
    def test_runners_import_nothing_of_ours(self, path):
        assert not OURS & set(modules(path))

    def test_ours_imports_nothing_of_theirs(self):
        root = Path(imu_bench.__file__).parent
        for path in root.rglob("*.py"):
            if RUNNERS not in path.parents:
                assert not THEIRS & set(modules(path)), path

    def test_no_runner_hides_a_package_behind_its_own_name(self):
        assert not {path.stem for path in RUNNERS.glob("*.py")} & (THEIRS | {"numpy", "pyarrow", "pandas", "scipy"})

    def test_a_peer_gets_one_thread_and_nothing_of_our_environment(self, monkeypatch):
        for name in ("PYTHONPATH", "NUMBA_CACHE_DIR", "VIRTUAL_ENV"):
            monkeypatch.setenv(name, "ours")
        made = environment({"NUMBA_CACHE_DIR": "theirs"})
        assert made["NUMBA_CACHE_DIR"] == "theirs"
        assert not {"PYTHONPATH", "VIRTUAL_ENV"} & set(made)
        assert made["OMP_NUM_THREADS"] == made["NUMBA_NUM_THREADS"] == "1"


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """Environments go to a folder of the test, and pip knows no index that answers."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("RETROGAIT_PEERS", str(tmp_path / "peers"))
    return tmp_path / "peers"


@pytest.fixture
def tiny(nowhere, monkeypatch, tmp_path):
    """An environment of one package, that lies in a folder instead of an index."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()

    def provide(version):
        with zipfile.ZipFile(wheels / f"tiny_gait-{version}-py3-none-any.whl", "w") as wheel:
            info = f"tiny_gait-{version}.dist-info"
            wheel.writestr("tiny_gait.py", "")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-gait\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")

    known = {}

    def wanted(version, *, there=True):
        if there:
            provide(version)
        known["tiny"] = Environment("tiny", "for tests", "MIT", (f"tiny-gait=={version}",))
        return known["tiny"]

    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setattr(installing, "environments", lambda: known)
    monkeypatch.setattr(installing, "environment", known.__getitem__)
    return wanted


class TestInstall:
    def test_makes_an_environment_once(self, tiny):
        wanted, said = tiny("1.0"), []
        assert available() == {"tiny": False}
        assert install(["tiny"], tell=said.append) == {}
        assert available() == {"tiny": True}
        assert python_of("tiny").exists()
        assert versions("tiny", ["tiny-gait", "tiny_gait", "another"]) == {"tiny-gait": "1.0", "tiny_gait": "1.0"}
        assert install(tell=said.append) == {}
        assert said[-1] == "tiny is installed already"
        assert is_installed(wanted)

    def test_another_version_is_another_environment(self, tiny):
        tiny("1.0")
        install()
        assert not is_installed(tiny("1.1"))
        assert install() == {}
        assert versions("tiny", ["tiny-gait"]) == {"tiny-gait": "1.1"}

    def test_goes_on_where_it_was_broken_off(self, tiny, nowhere):
        wanted = tiny("1.0", there=False)
        failed = install()
        assert list(failed) == ["tiny"]
        assert not is_installed(wanted)
        kept = python_of("tiny").lstat()
        tiny("1.0")
        assert install() == {}
        # it was not made anew
        assert python_of("tiny").lstat().st_mtime_ns == kept.st_mtime_ns

    def test_an_interpreter_that_has_gone_is_made_anew(self, tiny):
        tiny("1.0")
        install()
        python_of("tiny").unlink()
        assert available() == {"tiny": False}
        assert install() == {}
        assert available() == {"tiny": True}

    def test_nobody_s_own_folder_is_touched(self, tiny, nowhere):
        tiny("1.0")
        (nowhere / "tiny").mkdir(parents=True)
        (nowhere / "tiny" / "thesis.txt").write_text("years of work")
        assert "is no environment; want another folder in RETROGAIT_PEERS" in install()["tiny"]
        assert [path.name for path in (nowhere / "tiny").iterdir()] == ["thesis.txt"]

    def test_a_version_that_is_nowhere_is_one_line(self, tiny):
        tiny("1.0", there=False)
        reason = install()["tiny"]
        assert "\n" not in reason
        assert reason.startswith("tiny was not installed: pip did not install it: ERROR: ")
        assert "tiny-gait==1.0" in reason

    def test_no_network_is_one_line(self, nowhere, monkeypatch):
        # nobody listens there
        monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
        said = []
        failed = install(["vqf"], tell=said.append)
        assert list(failed) == ["vqf"]
        assert said[-1] == failed["vqf"]
        assert failed["vqf"] == (
            "vqf was not installed: no package index could be reached (no network?);"
            " what is there stays, and the next call goes on"
        )

    def test_an_unknown_name_is_refused_before_anything_is_done(self, nowhere):
        with pytest.raises(NoSuchPeer, match="no peer is called 'vfq'; want one of gaitmap, ") as caught:
            install(["vqf", "vfq"])
        assert "\n" not in str(caught.value)
        assert not nowhere.exists()

    def test_nothing_installed_is_no_peer(self, nowhere):
        assert not any(available().values())
        assert peers() == []


@pytest.fixture
def fake(tmp_path):
    """A peer that this interpreter runs: its `detect` is given as text."""

    def made(body, name="fake"):
        runner = tmp_path / f"{name}.py"
        runner.write_text(
            f"import sys\nsys.path.insert(0, {str(RUNNERS)!r})\nimport exchange, os, time\n"
            f"def detect(session, options, clock):\n{body}\nexchange.main(detect)\n"
        )
        where = Environment("fake", "for tests", "MIT", ())
        return Peer(Entry(name, where, runner, {"late_ms": 30}, "Fake", "nobody", ()), Path(sys.executable))

    return made


TELLS = """
    name = session.document["session"]
    if name == "refused":
        raise exchange.CannotRun("not this one")
    if name == "broken":
        raise ValueError("shapes\\ndo not fit")
    if name == "fatal":
        os._exit(7)
    feet = [("left", 10 * options["late_ms"], None), ("right", 5, 9)]
    return {"contacts": exchange.columns_of(("foot", "t_contact_ns", "t_release_ns"), feet)}, {"done": name}
"""


@pytest.fixture
def tasks(copied, tmp_path):
    return lambda *names: [Task(copied(name), tmp_path / "predictions" / name) for name in names]


class TestRun:
    def test_a_failing_session_costs_no_other(self, fake, tasks):
        peer, asked = fake(TELLS), tasks("a", "refused", "fatal", "broken", "b")
        assert isinstance(peer, Outside)
        failed = {task.session.name: reason for task, reason in peer.run(asked).items()}
        assert failed == {
            "refused": "not this one",
            "broken": "ValueError: shapes",
            "fatal": "fake ended with exit 7: it gave no reason",
        }
        for task in (asked[0], asked[-1]):
            rows = read_predictions(task.predictions)["contacts"]
            # in order of time, options heard, null kept
            assert [(row["foot"], row["t_contact_ns"], row["t_release_ns"]) for row in rows] == [
                ("right", 5, 9),
                ("left", 300, None),
            ]
            assert rows[0]["direction"] is None
            assert json.loads((task.predictions / "how.json").read_text())["done"] == task.session.name

    def test_no_tasks_are_no_failures(self, fake):
        assert fake(TELLS).run([]) == {}

    def test_a_peer_that_does_not_start_fails_everything_in_one_line_each(self, fake, tasks, tmp_path):
        peer, asked = fake(TELLS), tasks("a", "b", "c", "d", "e")
        (tmp_path / "fake.py").write_text("import a_library_that_is_not_there\n")
        failed = peer.run(asked)
        assert list(failed) == asked
        assert set(failed.values()) == {
            "fake ended with exit 1: ModuleNotFoundError: No module named 'a_library_that_is_not_there'"
        }

    def test_an_interpreter_that_has_gone_is_said(self, fake, tasks, tmp_path):
        peer = Peer(fake(TELLS).entry, tmp_path / "python")
        (reason,) = peer.run(tasks("a")).values()
        assert reason == "fake did not start: No such file or directory"

    def test_who_hangs_is_stopped(self, fake, tasks):
        peer = fake("    time.sleep(60)")
        outcomes = call(peer.command, tasks("a"), variables=environment(), limit_s=0.3)
        assert outcomes.stopped == "took longer than 0 s"
        assert not outcomes.told

    @pytest.mark.skipif(sys.platform == "win32", reason="signals")
    @pytest.mark.parametrize("stopping", [SystemExit, KeyboardInterrupt])
    def test_who_is_told_to_stop_does_not_wait_for_a_peer(self, fake, tasks, tmp_path, monkeypatch, stopping):
        scratch, running = tmp_path / "scratch", tmp_path / "running"
        scratch.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(scratch))
        peer, asked = (
            fake(f"    open({str(running)!r}, 'w').write(f'{{os.getpid()}}.')\n    time.sleep(30)"),
            tasks("a"),
        )

        def leave(_number, _frame):
            raise stopping

        def tell_it():
            while not (running.exists() and running.read_text().endswith(".")):
                time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGTERM)

        before = signal.signal(signal.SIGTERM, leave)
        try:
            threading.Thread(target=tell_it, daemon=True).start()
            begin_s = time.monotonic()
            with pytest.raises(stopping):
                call(peer.command, asked, variables=environment())
        finally:
            signal.signal(signal.SIGTERM, before)
        # fan_out's CLOSED_AFTER_S is 5
        assert time.monotonic() - begin_s < 20.0
        assert list(scratch.iterdir()) == []
        with pytest.raises(ProcessLookupError):
            os.kill(int(running.read_text().rstrip(".")), 0)

    def test_a_last_word_is_the_same_on_every_machine(self, fake, tasks, tmp_path):
        peer, asked = fake(TELLS), tasks("a")
        for deep in ("x", "y" * 90 + "/" + "z" * 90):
            (tmp_path / "fake.py").write_text(f"raise SystemExit('no room in /{deep}/cache.nbi: ' + 'word ' * 50)")
            (reason,) = peer.run(asked).values()
            words = "no room in cache.nbi: " + "word " * 50
            assert reason == f"fake ended with exit 1: {words[:200]}"

    def test_times_are_by_stage_and_repeated(self, fake, tasks):
        peer = fake("""
    with clock("read"):
        end_s = time.process_time() + 0.02
        while time.process_time() < end_s:
            pass
    with clock("work"):
        pass
    return {}, {}
""")
        (task,) = tasks("a")
        for budget_s, runs in ((math.inf, 4), (0.0, 2)):
            outcomes = call(peer.command, [task], repeats=3, budget_s=budget_s, variables=environment())
            told = outcomes.of(task)
            assert len(told["runs"]) == runs
            assert told["import_s"] > 0.0
            for run in told["runs"]:
                # reading is not the peer's
                assert set(run) == {"read", "work", "whole"}
                assert run["read"] >= 0.02
                assert run["work"] <= run["whole"] < run["read"]

    def test_a_line_that_was_broken_off_does_not_count(self, tasks):
        (task,) = tasks("a")
        outcomes = Outcomes([{"session": str(task.session), "predictions": str(task.predictions), "error": None}], None)
        assert outcomes.of(task) is not None
        assert outcomes.of(Task(task.session, task.predictions / "other")) is None


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ("[Errno 2] No such file or directory: '/home/me/a b/x.npz'", "[Errno 2] No such file or directory: 'x.npz'"),
        ('File "/usr/lib/python3.11/json/__init__.py", line 3', 'File "__init__.py", line 3'),
        ("can't write /data/my-study/raw/pelvis.parquet: No space", "can't write pelvis.parquet: No space"),
        ("between /a/b, /c/d/ and (/e/f).", "between b, d and (f)."),
        ("path=/a/b/c.so:/d/e.so", "path=c.so:e.so"),
        (r"no 'C:\\Users\\me me\\x.npz' nor C:\Users\me\y", "no 'x.npz' nor y"),
        ("of file:///home/me/x.html", "of x.html"),
        ("/srv", "srv"),
    ],
)
def test_of_a_path_of_this_machine_its_last_part_is_left(told, left):
    assert without_paths(told) == left


@pytest.mark.parametrize(
    "told",
    [
        "acc in m/s^2, gyr in rad/s and/or deg/s: 1 / 2",
        "there is no raw/pelvis.parquet in ./here or ../there",
        "see https://example.org/a/b or 'http://example.org/c'",
        "'a' // 'b' and / alone",
        "",
    ],
)
def test_what_is_no_path_of_this_machine_stays(told):
    assert without_paths(told) == told


def raw(folder, t_ns, seq, values, *, rate_hz=100.0, mounting=((1, 0, 0), (0, 1, 0), (0, 0, 1)), units=None):
    """A session folder of one pelvis sensor; `values` (n, 6)."""
    (folder / "raw").mkdir(parents=True)
    document = {"schema": "retrogait.session/1", "subject": "S", "session": "s"}
    document["sensors"] = {"pelvis": {"rate_hz": rate_hz, "mounting": mounting}}
    (folder / "session.json").write_text(json.dumps(document))
    fields, columns = [], []
    for k, name in enumerate((*exchange.ACC, *exchange.GYR)):
        fields.append(pa.field(name, pa.from_numpy_dtype(values.dtype), metadata=(units or {}).get(name[:3])))
        columns.append(pa.array(values[:, k]))
    schema = pa.schema([pa.field("t_ns", pa.int64()), pa.field("seq", pa.int64()), *fields])
    pq.write_table(
        pa.Table.from_arrays([pa.array(t_ns), pa.array(seq), *columns], schema=schema), folder / "raw/pelvis.parquet"
    )
    return exchange.Session(folder)


class TestExchange:
    """What a peer sees of a session."""

    def test_even_samples_are_taken_as_they_are(self, tmp_path):
        values = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)
        t_ns = 7 + np.arange(50) * 10 * MS
        session = raw(tmp_path / "s", t_ns, np.arange(50) + 3, values)
        signals = session.signals("pelvis")
        assert np.array_equal(np.hstack([signals.acc, signals.gyr]), values.astype(float))
        assert (signals.rate_hz, len(signals)) == (100.0, 50)
        assert signals.times_ns().tolist() == [signals.t_ns(k) for k in range(50)] == t_ns.tolist()
        assert session.how["pelvis"]["filled_by_lines"] == 0

    @given(
        st.lists(st.booleans(), min_size=20, max_size=200),
        st.floats(-5e-4, 5e-4),
        st.integers(0, 10**12),
        st.sampled_from([25.0, 100.0, 204.8]),
    )
    def test_holes_become_lines_and_a_drifting_clock_keeps_its_times(self, kept, drift, start_ns, rate_hz):
        kept = np.array([True, *kept, True])
        number = np.flatnonzero(kept)
        period_ns = 1e9 / rate_hz * (1.0 + drift)
        t_ns = start_ns + np.rint(number * period_ns).astype(np.int64)
        # a line stays a line
        values = np.outer(number, np.arange(1.0, 7.0))
        signals = exchange._even(t_ns, number, values, 0, rate_hz)
        assert len(signals) == len(kept)
        assert signals.rate_hz == rate_hz
        assert np.allclose(np.hstack([signals.acc, signals.gyr]), np.outer(np.arange(len(kept)), np.arange(1.0, 7.0)))
        assert np.abs(signals.times_ns()[number] - t_ns).max() < 0.1 * MS
        assert signals.how["filled_by_lines"] == (~kept).sum()

    def test_jitter_of_the_clock_moves_no_sample(self):
        rng = np.random.default_rng(2)
        number = np.arange(500)
        values = rng.normal(size=(500, 6))
        t_ns = np.rint(number * 1e7 + rng.uniform(-4e6, 4e6, 500)).astype(np.int64)
        signals = exchange._even(t_ns, number, values, 0, 100.0)
        assert np.array_equal(np.hstack([signals.acc, signals.gyr]), values)
        assert np.abs(signals.times_ns() - number * 1e7).max() < 1 * MS

    def test_a_counter_that_starts_anew_gives_way_to_the_clock(self):
        t_ns = np.arange(100) * 10 * MS
        number = np.r_[np.arange(50), np.arange(50)]
        signals = exchange._even(t_ns, number, np.zeros((100, 6)), 0, 100.0)
        assert signals.how["even_by"] == "clock"
        assert signals.times_ns().tolist() == t_ns.tolist()

    def test_late_and_broken_rows_are_left_out(self, tmp_path):
        values = np.zeros((6, 6), np.float32)
        values[3, 2] = np.nan
        t_ns = np.array([0, 10, 5, 30, 20, 40]) * MS
        session = raw(tmp_path / "s", t_ns, np.array([0, 1, 1, 3, 2, 4]), values)
        signals = session.signals("pelvis")
        assert (len(signals), session.how["pelvis"]["rows_left_out"]) == (5, 2)
        assert np.isfinite(signals.acc).all()

    def test_counts_and_other_units_become_si(self, tmp_path):
        t_ns, seq = np.arange(4) * 10 * MS, np.arange(4)
        counts = np.full((4, 6), 100, np.int16)
        units = {"acc": {"unit": "m/s^2", "scale": "0.01"}, "gyr": {"unit": "rad/s", "scale": "0.001"}}
        signals = raw(tmp_path / "counts", t_ns, seq, counts, units=units).signals("pelvis")
        assert np.allclose([signals.acc[0], signals.gyr[0]], [[1.0] * 3, [0.1] * 3])
        units = {"acc": {"unit": "g"}, "gyr": {"unit": "deg/s"}}
        signals = raw(tmp_path / "g", t_ns, seq, np.ones((4, 6), np.float32), units=units).signals("pelvis")
        assert np.allclose([signals.acc[0], signals.gyr[0]], [[9.80665] * 3, [math.pi / 180.0] * 3])

    def test_samples_are_turned_into_the_body_s_axes(self, tmp_path):
        # worn with its x up, y left, z backward
        mounting = ((0, 0, -1), (0, 1, 0), (1, 0, 0))
        values = np.tile(np.array([9.8, 1.0, -2.0, 0.1, 0.2, 0.3]), (5, 1))
        signals = raw(tmp_path / "s", np.arange(5) * 10 * MS, np.arange(5), values, mounting=mounting).signals("pelvis")
        assert np.allclose(signals.acc[0], [2.0, 1.0, 9.8])
        assert np.allclose(signals.gyr[0], [-0.3, 0.2, 0.1])

    def test_what_cannot_be_used_is_said(self, tmp_path):
        session = raw(tmp_path / "s", np.arange(5) * MS, np.arange(5), np.zeros((5, 6)), mounting=None)
        for sensor, reason in (("pelvis", "mounting of pelvis is unknown"), ("foot_left", "no foot_left")):
            with pytest.raises(exchange.CannotRun, match=reason):
                session.signals(sensor)
        with pytest.raises(exchange.CannotRun, match="1 usable samples"):
            raw(tmp_path / "t", np.zeros(1, int), np.zeros(1, int), np.zeros((1, 6))).signals("pelvis")

    @given(*[st.floats(-60.0, 60.0)] * 2, st.floats(-179.0, 179.0))
    def test_angles_are_those_of_the_truth(self, obliquity_deg, tilt_deg, rotation_deg):
        """Quaternion of rotation, then obliquity about x, then tilt about y."""
        half = np.deg2rad([rotation_deg, obliquity_deg, tilt_deg]) / 2
        q = np.array([math.cos(half[0]), 0.0, 0.0, math.sin(half[0])])
        for axis, angle in ((1, half[1]), (2, half[2])):
            p = np.zeros(4)
            p[0], p[axis] = math.cos(angle), math.sin(angle)
            q = np.array(
                [
                    q[0] * p[0] - q[1:] @ p[1:],
                    *(q[0] * p[1:] + p[0] * q[1:] + np.cross(q[1:], p[1:])),
                ]
            )
        signals = exchange.Signals(np.zeros((1, 3)), np.zeros((1, 3)), 100.0, 5.0, 1e7, {})

        class One:
            def signals(self, _):
                return signals

        tables, _ = attitude.runner(lambda _: q[None], "made up")(One(), {}, exchange.Clock())
        # left side up is positive, and so is front down
        assert tables["pelvis"]["obliquity_deg"][0] == pytest.approx(obliquity_deg, abs=1e-6)
        assert tables["pelvis"]["tilt_deg"][0] == pytest.approx(tilt_deg, abs=1e-6)


# one of each environment: they take their time to start
FIRST = {entry.environment.name: entry.name for entry in reversed(entries())}


@pytest.fixture(scope="module", params=sorted(FIRST.values()))
def told(request, walk_folder, tmp_path_factory):
    """What an installed peer says of a simulated walk. Skips where it is not installed."""
    entry = next((entry for entry in installed() if entry.name == request.param), None)
    if entry is None:
        pytest.skip(f"{request.param} is not installed: imu-bench peers install")
    peer, predictions = Peer.installed(entry), tmp_path_factory.mktemp(entry.name)
    assert peer.run([Task(walk_folder, predictions)]) == {}
    return peer, read_predictions(predictions)


class TestInstalled:
    """Of those that are there. None is asked to be good, but to have heard what was recorded."""

    def test_has_its_versions(self, told):
        peer, _ = told
        wanted = dict(line.split("==") for line in peer.entry.environment.requires)
        assert {name.lower(): said for name, said in peer.about.packages.items()} == {
            name.lower(): wanted.get(name) or wanted[name.upper()] for name in peer.entry.shows
        }
        assert peer.about.licence

    def test_attitudes_are_near_the_truth(self, told, walk_folder):
        peer, tables = told
        if "pelvis" not in tables:
            pytest.skip(f"{peer.about.name} tells no attitude")
        truth = read_rows(walk_folder / "truth_pelvis.parquet", TRUTH_PELVIS)
        found = tables["pelvis"]
        for key in ("obliquity_deg", "tilt_deg"):
            at = np.interp([row["t_ns"] for row in truth], [row["t_ns"] for row in found], [row[key] for row in found])
            known = np.array([row[key] for row in truth])
            # how a strap sits is none of a filter's business: errors count without their mean
            assert np.std((at - known)[500:]) < 3.0
            if key == "obliquity_deg":
                assert np.corrcoef(at[500:], known[500:])[0, 1] > 0.8

    def test_contacts_are_of_the_right_foot(self, told, walk_folder):
        peer, tables = told
        if "contacts" not in tables:
            pytest.skip(f"{peer.about.name} tells no contacts")
        truth = read_rows(walk_folder / "truth_contacts.parquet", TRUTH_CONTACTS)
        forward = {
            foot: [r["t_contact_ns"] for r in truth if (r["foot"], r["direction"]) == (foot, "forward")]
            for foot in ("left", "right")
        }
        near = {
            (foot, other): sum(
                any(abs(row["t_contact_ns"] - t) < 200 * MS for row in tables["contacts"] if row["foot"] == foot)
                for t in forward[other]
            )
            for foot in forward
            for other in forward
        }
        assert near["left", "left"] + near["right", "right"] > 0.6 * sum(map(len, forward.values()))
        assert near["left", "left"] + near["right", "right"] > near["left", "right"] + near["right", "left"]
        for first, second in pairwise(sorted(row["t_contact_ns"] for row in tables["contacts"])):
            assert second > first
