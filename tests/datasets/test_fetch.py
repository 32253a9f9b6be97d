"""`imu-data fetch` against a server on this machine."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from imu_datasets.card import BadCard, card_of
from imu_datasets.cli import main
from imu_datasets.dataset import DataSet, dataset
from imu_datasets.fetch import fetch
from imu_datasets.index import Entry, Index, look_at, verify

pytest.importorskip("pooch", reason="pooch is not installed: pip install 'retrogait[datasets]'")

FILES = {"a.csv": b"time,x\n0,1\n" * 4000, "sub 1/b.csv": b"b" * 70_000, "sub 1/c.csv": b""}
CARD = {
    "title": "Walks of nobody",
    "about": "Nobody walked.",
    "licence": "CC0 (nobody's: take it)",
    "citation": "Nobody 2020",
    "figures": "published",
    "kind": "made up",
    "frames": "x forward, y left, z up",
    "truth": {},
}


class Server:
    """What it holds, what it does otherwise than to hand it out, and what was asked of it."""

    def __init__(self):
        self.files, self.spoilt, self.asked = dict(FILES), {}, []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                path = unquote(self.path).removeprefix("/data/")
                server.asked.append(path)
                content = server.files.get(path)
                if content is None:
                    self.send_error(404)
                    return
                server.spoilt.get(path, whole)(self, content)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/data"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def whole(request, content):
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


def truncated(request, content):
    request.send_response(200)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content[: len(content) // 2])


def a_page(request, _):
    whole(request, b"<html>please log in</html>")


def endless(request, _):
    """As much as is taken, up to 200 MB."""
    request.send_response(200)
    request.end_headers()
    request.server.sent = 0
    try:
        for _ in range(3200):
            request.wfile.write(b"b" * (1 << 16))
            request.server.sent += 1 << 16
    except OSError:
        request.close_connection = True


def one_more(request, content):
    whole(request, content + b"!")


def refusing(request, _):
    request.send_error(503, "Come back later")


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Server()
    yield running
    running.close()


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("IMU_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data" / "originals"


def indexed(tmp_path, files):
    for path, content in files.items():
        (tmp_path / "source" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / path).write_bytes(content)
    return Index(tuple(look_at(tmp_path / "source")))


@pytest.fixture
def park(tmp_path, server, home):
    return DataSet(
        "park", card_of("park", CARD | {"fetch": {"url": server.url}}), indexed(tmp_path, FILES), lambda: None
    )


def run(capsys, park, *words):
    capsys.readouterr()
    code = main(["fetch", *words], known=[park])
    said = capsys.readouterr()
    return code, said.out, said.err


def states(park):
    return {one.entry.path: one.state for one in verify(park.folder(), park.index.files)}


def left_over(home):
    """Files that are neither whole ones nor kept aside."""
    return [path.name for path in home.rglob("*.part")]


GOOD = dict.fromkeys(FILES, "good")


def test_all_files_come_and_are_what_the_index_says(park, server, home, capsys):
    code, out, err = run(capsys, park, "park")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"park: 3 of 3 files good, 3 fetched, in {home / 'park'}",
        "licence: CC0 (nobody's: take it)",
        "cite: Nobody 2020",
    ]
    assert states(park) == GOOD
    assert sorted(server.asked) == sorted(FILES)
    assert [path.name for path in home.iterdir()] == ["park"]
    assert not left_over(home)


def test_what_is_there_is_not_asked_for(park, server, home, capsys):
    run(capsys, park, "park")
    (home / "park" / "a.csv").unlink()
    server.asked.clear()
    code, out, _ = run(capsys, park, "park")
    assert (code, server.asked) == (0, ["a.csv"])
    assert out.startswith("park: 3 of 3 files good, 1 fetched")
    server.asked.clear()
    assert run(capsys, park, "park") == (0, f"park: 3 of 3 files good, 0 fetched, in {home / 'park'}\n", "")
    assert not server.asked


def test_files_that_are_all_there_need_neither_network_nor_library(park, server, home, capsys, monkeypatch):
    run(capsys, park, "park")
    server.files.clear()
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert run(capsys, park, "park")[0] == 0


@pytest.mark.parametrize("broken", [b"old", FILES["a.csv"][:-5], b""])
def test_a_file_that_differs_is_kept_aside_once_a_good_one_has_come(park, server, home, capsys, broken):
    old = home / "park" / "a.csv"
    old.parent.mkdir(parents=True)
    old.write_bytes(broken)
    server.spoilt["a.csv"] = refusing
    assert run(capsys, park, "park")[0] == 1
    assert old.read_bytes() == broken
    server.spoilt.clear()
    code, _, err = run(capsys, park, "park")
    (kept,) = (home / "park.aside").iterdir()
    assert (code, kept.read_bytes(), states(park)) == (0, broken, GOOD)
    assert err == f"imu-data: park: a.csv: fetched; what stood there differs, and is kept as {kept}\n"
    # it is no file of the data set
    assert [entry.path for entry in look_at(home / "park")] == sorted(FILES)


def test_what_comes_and_is_another_is_kept_aside_and_the_others_come(park, server, home, capsys):
    server.spoilt["sub 1/b.csv"] = a_page
    for _ in range(2):
        code, out, err = run(capsys, park, "park")
        assert code == 1
        assert out.startswith("park: 2 of 3 files good")
        (line,) = err.splitlines()
        assert line.startswith(
            f"imu-data: park: sub 1/b.csv: {server.url}/sub%201/b.csv gave 26 bytes that are not what"
        )
        assert "(70000 bytes, sha256 " in line
        (kept,) = (home / "park.aside" / "sub 1").iterdir()
        assert kept.read_bytes() == b"<html>please log in</html>"
        assert str(kept) in line
        assert states(park) == GOOD | {"sub 1/b.csv": "missing"}
        assert not left_over(home)


@pytest.mark.parametrize(
    ("path", "much"), [("sub 1/b.csv", endless), ("sub 1/b.csv", one_more), ("sub 1/c.csv", a_page)]
)
def test_what_is_longer_is_broken_off_and_discarded(park, server, home, capsys, path, much):
    server.spoilt[path] = much
    code, out, err = run(capsys, park, "park")
    assert (code, out.startswith("park: 2 of 3 files good"), len(err.splitlines())) == (1, True, 1)
    assert f"gave more than the {len(FILES[path])} bytes that the index says; want that file" in err
    assert states(park) == GOOD | {path: "missing"}
    assert not left_over(home)
    assert not (home / "park.aside").exists()
    # what lies between the two holds some MB
    assert getattr(server.http, "sent", 0) < 50_000_000
    server.spoilt.clear()
    assert run(capsys, park, "park")[0] == 0


def test_a_file_that_breaks_off_is_none(park, server, home, capsys):
    server.spoilt["sub 1/b.csv"] = truncated
    code, _, err = run(capsys, park, "park")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "broke off after" in err
    assert "want all of it (fetch again)" in err
    assert states(park) == GOOD | {"sub 1/b.csv": "missing"}
    assert not left_over(home)
    assert not (home / "park.aside").exists()
    server.spoilt.clear()
    server.asked.clear()
    assert run(capsys, park, "park")[0] == 0
    assert server.asked == ["sub 1/b.csv"]


def test_a_file_that_is_not_there_is_named_and_the_others_come(park, server, capsys):
    del server.files["a.csv"]
    code, _, err = run(capsys, park, "park")
    assert code == 1
    assert err == f"imu-data: park: a.csv: {server.url}/a.csv: 404 Not Found; want the file (moved, or removed?)\n"
    assert states(park) == GOOD | {"a.csv": "missing"}


def test_a_server_that_refuses_everything_is_not_asked_for_everything(tmp_path, park, server, capsys):
    many = {f"{number:03}.csv": bytes([number]) for number in range(40)}
    (tmp_path / "source").rename(tmp_path / "other")
    sets = DataSet("park", park.card, indexed(tmp_path, many), lambda: None)
    code, out, err = run(capsys, sets, "park")
    assert (code, out, len(server.asked)) == (1, "", 3)
    assert err.splitlines()[-1].startswith("imu-data: park: 3 files in a row were refused")


def test_a_server_that_is_gone_is_one_line(park, server, home, capsys):
    server.close()
    code, out, err = run(capsys, park, "park")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    host = server.url.split("/")[2]
    assert err.startswith(f"imu-data: can't reach {host}: Connection refused; want a network, --url of a mirror")
    assert not left_over(home)
    # closing it again at the end does no harm
    server.close = lambda: None


def test_a_host_that_nobody_knows_is_one_line(park, capsys):
    code, _, err = run(capsys, park, "park", "--url", "http://nowhere.invalid/park")
    assert (code, len(err.splitlines())) == (1, 1)
    assert err.startswith("imu-data: can't reach nowhere.invalid: ")


def test_who_interrupts_leaves_no_half_file(park, home, capsys, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(fetch(park, tell=interrupt))
    assert not left_over(home)
    assert set(states(park).values()) <= {"good", "missing"}
    monkeypatch.setattr("imu_datasets.fetch._download", lambda *_: interrupt(0))
    code, _, err = run(capsys, park, "park")
    assert (code, err) == (130, "imu-data: stopped by Ctrl-C\n")
    monkeypatch.undo()


def test_a_part_that_a_killed_call_left_is_written_over(park, home, capsys):
    part = home / "park" / ".a.csv.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1000)
    assert run(capsys, park, "park")[0] == 0
    assert states(park) == GOOD
    assert not left_over(home)


def test_progress_is_told(park):
    lines = []
    assert [one.outcome for one in fetch(park, tell=lines.append)] == ["fetched"] * 3
    assert lines[-1] == "park: sub 1/b.csv, 70000 of 70000 bytes"


def test_a_mirror_has_the_paths_of_the_index(tmp_path, server, home, capsys):
    card = card_of("park", CARD | {"fetch": {"url": f"{server.url}/old/", "files": "deep/{path}.txt"}})
    sets = DataSet("park", card, indexed(tmp_path, FILES), lambda: None)
    server.files |= {f"old/deep/{path}.txt": content for path, content in FILES.items()}
    assert run(capsys, sets, "park")[0] == 0
    assert sorted(server.asked) == sorted(f"old/deep/{path}.txt" for path in FILES)
    for path in FILES:
        (home / "park" / path).unlink()
    server.asked.clear()
    assert run(capsys, sets, "park", "--url", f"{server.url}/")[0] == 0
    assert sorted(server.asked) == sorted(FILES)


def test_what_nobody_may_fetch_is_said_and_a_server_of_ones_own_may_give(tmp_path, server, home, capsys):
    sets = DataSet("park", card_of("park", CARD), indexed(tmp_path, FILES), lambda: None)
    code, out, err = run(capsys, sets, "park")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith(
        f"imu-data: park is not fetched: get its files from their owners, under their terms, into {home}"
    )
    assert not server.asked
    assert run(capsys, sets, "park", "--url", server.url)[0] == 0


def test_without_an_index_there_is_nothing_to_fetch(server, home, capsys):
    sets = DataSet("park", card_of("park", CARD), Index(), lambda: None)
    code, _, err = run(capsys, sets, "park", "--url", server.url)
    assert (code, err.startswith("imu-data: park has no index: nothing says which files to fetch")) == (1, True)


def test_without_the_library_one_line_says_what_to_install(park, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    code, _, err = run(capsys, park, "park")
    assert (code, err) == (
        1,
        "imu-data: fetching needs pooch, which is not installed; want: pip install 'retrogait[datasets]'\n",
    )


def test_a_place_where_nothing_can_be_written_is_one_line(park, home, capsys):
    home.mkdir(parents=True)
    (home / "park").write_text("a file")
    code, _, err = run(capsys, park, "park")
    assert (code, len(err.splitlines())) == (1, 1)
    assert err.startswith(f"imu-data: can't write {home / 'park' / 'a.csv'}: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("park", "--url", "ftp://x/y"), "--url ftp://x/y; want an address of the web"),
        (("park", "street", "--url", "http://x/y"), "--url for 2 data sets; want one NAME"),
        (("lake",), "no data set 'lake'; want park"),
        ((), "required: NAME (see imu-data fetch --help)"),
    ],
)
def test_wrong_usage_is_exit_2(park, capsys, words, said):
    code, out, err = run(capsys, park, *words)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert said in err


@pytest.mark.parametrize("name", ["gaitmap", "ipol"])
def test_sets_that_may_be_fetched_name_an_address_of_a_fixed_version(name):
    data = dataset(name)
    assert data.card.fetch["url"].startswith("https://raw.githubusercontent.com/")
    assert "/master/" not in data.card.fetch["url"]
    assert "/main/" not in data.card.fetch["url"]
    assert all(isinstance(entry, Entry) and entry.size > 0 for entry in data.index.files)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"files": "{path}"}, "want url, an address of the web"),
        ({"url": "ftp://x/y"}, "want url, an address of the web"),
        ({"url": "https://x/y", "sha256": "z"}, "want url, an address of the web, and at most files"),
        ({"url": "https://x/y", "files": "all.zip"}, r"has fetch.files 'all.zip'; want a text with \{path\}"),
    ],
)
def test_a_card_says_where_from_or_is_refused(table, said):
    with pytest.raises(BadCard, match=said):
        card_of("park", CARD | {"fetch": table})


def test_what_has_no_licence_is_not_fetched():
    assert dataset("gottlieb").card.fetch is None
