import os
import subprocess
import sys
import textwrap
import types

import pytest

from imu.cli.main import COMMANDS, main
from imu.core.errors import SessionNotFound, UsageError
from imu.version import VERSION

HEAVY = {"bleak", "numba", "numpy", "pyarrow", "scipy"}


def python(code):
    """Run a program in an interpreter of its own and hand back how it ended."""
    # where nothing is buffered, argparse itself passes over a reader that has gone
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture
def call(monkeypatch):
    """Call `main` with a table of one command, `fake`, that takes `--count` and does what it is told."""

    def call_with(does, *words):
        module = types.ModuleType("fake_command")
        module.configure = lambda parser: parser.add_argument("--count", type=int, default=0)
        module.run = does
        monkeypatch.setitem(sys.modules, "fake_command", module)
        # no module is called `absent`: only the chosen one is imported
        return main(["fake", *words], commands={"fake": ("fake_command", "for this test"), "absent": ("absent", "")})

    return call_with


def refuse_with(problem):
    def run(args):
        raise problem

    return run


def test_a_command_gets_its_arguments_and_gives_the_exit_code(call):
    assert call(lambda args: args.count, "--count", "7") == 7


@pytest.mark.parametrize(
    ("problem", "code", "line"),
    [
        (KeyError("x"), 1, "imu: internal error: KeyError: 'x'; run with IMU_DEBUG=1 for the traceback"),
        (SessionNotFound("no such path: walks (a typing slip?)"), 1, "imu: no such path: walks (a typing slip?)"),
        (UsageError("--workers is 0; want at least 1"), 2, "imu: --workers is 0; want at least 1"),
        (PermissionError(13, "Permission denied", "out"), 1, "imu: [Errno 13] Permission denied: 'out'"),
        (SessionNotFound("two\nlines"), 1, "imu: two lines"),
        (KeyboardInterrupt(), 130, "imu: stopped by Ctrl-C"),
    ],
)
def test_a_refusal_is_one_line_and_an_exit_code(call, capsys, monkeypatch, problem, code, line):
    monkeypatch.delenv("IMU_DEBUG", raising=False)
    assert call(refuse_with(problem)) == code
    assert capsys.readouterr() == ("", f"{line}\n")


def test_a_mistake_of_the_program_shows_its_traceback_to_who_asks(call, capsys, monkeypatch):
    monkeypatch.setenv("IMU_DEBUG", "1")
    assert call(refuse_with(ZeroDivisionError("by nothing"))) == 1
    said = capsys.readouterr().err
    assert said.startswith("Traceback")
    assert said.endswith("imu: internal error: ZeroDivisionError: by nothing; the traceback is above\n")


@pytest.mark.parametrize("words", [["--cuont", "7"], ["--coun", "7"], ["--count", "many"], ["extra"]])
def test_wrong_usage_of_a_command_is_one_line(call, capsys, words):
    assert call(lambda args: 0, *words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("imu: ")
    assert said.err.count("\n") == 1
    assert "--help" in said.err


@pytest.mark.parametrize("words", [[], ["reproces"], ["--reprocess"]])
def test_wrong_usage_of_the_program_is_one_line(capsys, words):
    assert main(words) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as exit_info:
        main(["--help"])
    assert exit_info.value.code == 0
    told = capsys.readouterr().out
    for name, (_, line) in COMMANDS.items():
        assert name in told
        assert line.split()[0] in told


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(capsys, name):
    with pytest.raises(SystemExit) as exit_info:
        main([name, "--help"])
    assert exit_info.value.code == 0
    told = capsys.readouterr().out
    assert told.startswith(f"usage: imu {name} ")
    assert f"\n  imu {name}" in told or f"=/srv/cache imu {name}" in told


@pytest.mark.parametrize("words", [["--help"], ["--version"], []])
def test_the_first_answer_imports_nothing_heavy(words):
    result = python(f"""
        import sys
        from imu.cli.main import main
        try:
            main({words})
        except SystemExit:
            pass
        print(*sys.modules)
    """)
    assert result.returncode == 0
    assert not HEAVY & set(result.stdout.split())


def test_the_version_is_told_by_the_module_too():
    result = subprocess.run([sys.executable, "-m", "imu", "--version"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, f"imu {VERSION}\n")


@pytest.mark.parametrize("words", [["fake"], ["--help"]])
def test_a_reader_that_has_gone_is_met_quietly(words):
    result = python(f"""
        import os, sys, types
        from imu.cli.main import main
        fake = types.ModuleType("fake_command")
        fake.configure = lambda parser: None
        fake.run = lambda args: print("line\\n" * 10) or 0
        sys.modules["fake_command"] = fake
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 1)
        sys.exit(main({words}, commands={{"fake": ("fake_command", "")}}))
    """)
    assert (result.returncode, result.stderr) == (141, "")
