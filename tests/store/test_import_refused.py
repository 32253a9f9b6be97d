import pytest
from hypothesis import given
from hypothesis import strategies as st

from imu.core.errors import BadImport
from imu.store.import_csv import import_csv
from tests.store.import_bench import HEADER, PLAIN, RATE_HZ, SESSION, Bench, lines, sensor


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("", "no sensors"),
        ("subject = ", "want TOML"),
        (SESSION, "sensors"),
        (SESSION + "[sensors]", "no foot"),
        ("session = 1\n" + sensor("foot_left"), "session"),
        (SESSION + "[sensors]\nfoot_left = 1", "foot_left"),
        (SESSION + sensor("foot_lefft"), "foot_lefft"),
        (SESSION + sensor("pelvis"), "no foot sensor"),
        (PLAIN + "[cvs]\n", "'csv'"),
        (SESSION + sensor("foot_left", extra="mountng = 1"), "'mounting'"),
        (SESSION + sensor("foot_left", extra="mounting = [[1,0,0],[0,1,0],[0,0,2]]"), "mounting"),
        (PLAIN.replace("rate_hz = 100", ""), "rate_hz"),
        (PLAIN.replace("rate_hz = 100", "rate_hz = 0"), "rate_hz"),
        (PLAIN.replace('"S01"', '"Anna Muster"'), "subject"),
        (PLAIN.replace('"S01"', '"S01"\nage = nan'), "nan"),
        (PLAIN.replace("\nt =", "\ntime ="), "only file, t, seq"),
        (PLAIN.replace('t = { column = "time", unit = "s" }', ""), "t is missing"),
        (PLAIN.replace(', unit = "s" }', " }"), "no unit"),
        (PLAIN.replace('"s"', '"min"'), "'min'"),
        (PLAIN.replace('"s"', "[1]"), "unit"),
        (PLAIN.replace('"m/s^2"', '"m/s2"'), "'m/s^2'"),
        (PLAIN.replace('"m/s^2"', "[1]"), "unit"),
        (PLAIN.replace('"rad/s"', '"g"'), "swapped"),
        (PLAIN.replace('"rad/s"', '"dps"'), "meant 'deg/s'"),
        (PLAIN + "[csv]\nskip_rows = " + "1" * 5000, "beyond all measure"),
        (PLAIN.replace('["ax", "ay", "az"]', '["ax", "ay"]'), "three"),
        (PLAIN.replace('["ax", "ay", "az"]', '"ax"'), "three"),
        (PLAIN.replace('"ax"', "0"), "place"),
        (PLAIN.replace('"ax"', "1.5"), "place"),
        (PLAIN.replace('"ax"', "99"), "99"),
        (PLAIN.replace('"ax"', '"ac"'), "want one of time, n, ax"),
        (PLAIN.replace('"time"', '"Time"'), "'time'"),
        (PLAIN + "[csv]\ndelimiter = ';;'", "delimiter"),
        (PLAIN + "[csv]\ndelimiter = 7", "delimiter"),
        (PLAIN + "[csv]\ndelimiter = ';'", "time,n,ax"),
        (PLAIN + "[csv]\ndelimiter = 'é'", "delimiter"),
        (PLAIN + "[csv]\ndecimal = ';'", "decimal"),
        (PLAIN + "[csv]\ndecimal = [1]", "decimal"),
        (PLAIN + "[csv]\nskip_rows = -1", "skip_rows"),
        (PLAIN + "[csv]\nskip_rows = true", "skip_rows"),
        (PLAIN + "[csv]\nskip_rows = 99", "line 100"),
        (PLAIN + "[csv]\nheader = 1", "header"),
        (PLAIN + "[csv]\nheader = false", "place"),
        (SESSION + sensor("foot_left", extra='file = "file1.csv"'), "'file0.csv'"),
        (SESSION + sensor("foot_left", extra="file = 7"), "file0.csv"),
        (SESSION + sensor("foot_left", extra='seq = "n"'), "seq"),
        (SESSION + sensor("foot_left", extra='seq = { column = "gear" }'), "gear"),
    ],
)
def test_a_map_that_is_wrong_is_refused(bench, toml, words):
    assert words in str(bench.refused(toml, lines()))


def test_several_files_need_names_or_one_for_each_sensor(bench):
    assert "2 for 1 sensors" in str(bench.refused(PLAIN, lines(), lines()))
    assert "0 for 1 sensors" in str(bench.refused(PLAIN))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "line 1"),
        (HEADER, "no rows"),
        (HEADER + "\n", "no rows"),
        (HEADER + "\n,0,1,2,3,4,5,6\n", "no row with a time"),
        (HEADER + "\n0,0,1,2,x,4,5,6\n", "column 'az'"),
        (HEADER + "\n0,0,1,2,3,4,5,6\n0,0,1,2,3,4,five,6\n", "'five'"),
        (HEADER + "\n0,0,1,2,3,4,5,6\n0,0,1,2\n", "Expected 8 columns, got 4"),
        (HEADER + "\n0,0,1,2\n", "columns"),
        (HEADER.replace("az", "ax") + "\n0,0,1,2,3,4,5,6\n", "2 column 'ax'"),
        ("time\n0\n", "csv.delimiter"),
        (HEADER + "\n1e12,0,1,2,3,4,5,6\n", "146 years"),
        (HEADER.encode("utf-16") + b"\n", "UTF-16"),
        (b"PAR1\0\0\0\0", "UTF-8"),
        ("\r".join([HEADER, *lines()]), "LF or CRLF"),
        ("time," + "x" * 200_000, "no CSV in line 1"),
        (b"\xff" * 50, "csv.delimiter"),
    ],
)
def test_a_file_that_is_wrong_is_refused(bench, content, words):
    assert words in str(bench.refused(PLAIN, content))


def test_a_decimal_comma_that_the_map_does_not_tell_is_refused(bench):
    content = "\n".join([HEADER, *lines()]).replace(",", ";").replace(".", ",")
    assert "decimal" in str(bench.refused(PLAIN, content))


def test_text_far_down_leaves_no_session(bench):
    rows = [f"{k / RATE_HZ},{k},1,2,3,4,5,6" for k in range(50_000)]
    rows[45_000] = "stopped by the user"
    bench.refused(PLAIN, rows)


def test_a_counter_with_holes_is_refused(bench):
    rows = lines()
    rows[4] = rows[4].replace(",4,", ",,", 1)
    assert "counter in every row" in str(
        bench.refused(SESSION + sensor("foot_left", extra='seq = { column = "n" }'), rows)
    )


def test_what_is_not_there_is_said(bench):
    with pytest.raises(BadImport, match=r"absent\.csv is not there"):
        import_csv([bench.folder / "absent.csv"], bench.put("map.toml", PLAIN), bench.folder / "store")
    with pytest.raises(BadImport, match=r"absent\.toml is not there"):
        import_csv([bench.put("x.csv", HEADER)], bench.folder / "absent.toml", bench.folder / "store")
    with pytest.raises(BadImport, match="can't be read"):
        import_csv([bench.put("x.csv", HEADER)], bench.folder, bench.folder / "store")
    with pytest.raises(BadImport, match="can't be read"):
        import_csv([bench.folder], bench.put("map.toml", PLAIN), bench.folder / "store")
    with pytest.raises(BadImport, match="not UTF-8"):
        import_csv([], bench.put("map.toml", b"\xff\xfe"), bench.folder / "store")


@given(content=st.binary(max_size=300))
def test_whatever_a_file_holds_nothing_else_is_raised(tmp_path_factory, content):
    Bench(tmp_path_factory.mktemp("any")).refused(PLAIN, content)
