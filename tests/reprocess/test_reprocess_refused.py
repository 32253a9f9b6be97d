import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from imu.core.errors import BadRawFile, BadSessionFile, BadTableFile, UnusableRecording
from imu.reprocess import reprocess
from imu.store.raw import raw_path
from tests.reprocess.session_folders import contents, edit, rewrite


def reversed_clock(folder):
    rewrite(folder, "foot_right", lambda held: held | {"t_ns": held["t_ns"][::-1].copy()})


def mostly_nan(folder):
    rewrite(folder, "pelvis", lambda held: held | {"gyr_y": np.where(held["seq"] % 5, np.nan, 0).astype(np.float32)})


def cut_off(folder):
    path = raw_path(folder, "pelvis")
    path.write_bytes(path.read_bytes()[:-200])


def no_rows(folder):
    rewrite(folder, "foot_left", lambda held: {name: values[:0] for name, values in held.items()})


def no_rate(folder):
    edit(folder, pelvis={"rate_hz": 0})


def period_as_rate(folder):
    edit(folder, foot_left={"rate_hz": 0.005})


def absurd_rate(folder):
    edit(folder, foot_left={"rate_hz": 1e300})


def damaged_far_down(folder):
    """Its head is whole, so that the damage shows only when most is done."""
    path = raw_path(folder, "foot_right")
    pq.write_table(pq.read_table(path), path, row_group_size=500, write_page_checksum=True)
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) * 3 // 4] ^= 0xFF
    path.write_bytes(spoilt)


def no_stream(folder):
    (folder / "raw" / "stream.parquet").write_bytes(b"PAR1")


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (reversed_clock, UnusableRecording, "foot_right: only 1 of .* reversed clock"),
        (mostly_nan, UnusableRecording, "pelvis: only .* with NaN"),
        (cut_off, BadRawFile, "raw/pelvis.parquet"),
        (no_rows, BadRawFile, "raw/foot_left.parquet has no rows"),
        (no_rate, BadSessionFile, "rate_hz"),
        (period_as_rate, BadSessionFile, "foot_left.rate_hz.*a period"),
        (absurd_rate, BadSessionFile, "foot_left.rate_hz"),
        (damaged_far_down, BadRawFile, "raw/foot_right.parquet"),
        (no_stream, BadTableFile, "stream.parquet"),
    ],
)
@pytest.mark.parametrize("analysed", [True, False])
def test_what_is_refused_leaves_everything_as_it_was(session, tmp_path, usual, spoil, error, says, analysed):
    if analysed:
        shutil.copytree(usual / "analysis", session / "analysis")
    spoil(session)
    before = contents(session)
    for target in (session, tmp_path / "store"):
        with pytest.raises(error, match=says) as caught:
            reprocess(session, target)
        assert "\n" not in str(caught.value)
    assert contents(session) == before
    assert not (tmp_path / "store").exists()
