"""Raw files to be read, or refused."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imu.core.errors import BadRawFile
from imu.core.samples import Samples
from imu.core.tables import AXES
from imu.simulate.link import joined
from imu.store.raw import read_raw

N = 40


def columns(**changes):
    """A file's columns; a change replaces one, `...` leaves it out."""
    rng = np.random.default_rng(3)
    plain = {
        "t_ns": pa.array(np.arange(N) * 5_000_000),
        "seq": pa.array(np.arange(N)),
        **{axis: pa.array(rng.normal(size=N).astype(np.float32)) for axis in AXES},
    }
    return {name: values for name, values in {**plain, **changes}.items() if values is not ...}


def file_of(path, held, metadata=None, **options):
    fields = [pa.field(name, values.type, metadata=(metadata or {}).get(name)) for name, values in held.items()]
    pq.write_table(pa.table(list(held.values()), pa.schema(fields)), path, **options)
    return path


def whole(blocks):
    return joined(list(blocks))


def equal(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name in ("acc", "gyr"))
        for name in Samples.__slots__
    )


def refused(path, setup, **options):
    with pytest.raises(BadRawFile) as caught:
        whole(read_raw(path, "foot_left", setup, **options))
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("raw/foot_left.parquet ")
    assert caught.value.sensor == "foot_left"
    return caught.value
