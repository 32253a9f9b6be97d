"""Which sessions a call names, and where the analysis of each goes."""

from imu.core.errors import BadSessionFile, DuplicateSession, SessionNotFound
from imu.reprocess import plan
from imu.store.write_session import create_session


def session_at(folder, subject="S01", name="one"):
    create_session(
        folder,
        {
            "schema": "retrogait.session/1",
            "subject": subject,
            "session": name,
            "sensors": {"foot_left": {"rate_hz": 200.0, "mounting": None}},
        },
    )
    return folder


def test_a_plan_keeps_the_order_of_its_arguments(tmp_path):
    b, a = (session_at(tmp_path / name, name=name) for name in ("b", "a"))
    store = [session_at(tmp_path / "store" / f"subject={s}" / "session=x", s, "x") for s in ("S03", "S02")]
    jobs = plan([str(b), str(tmp_path / "store"), str(tmp_path / "[a]")], None)
    assert [job.source for job in jobs] == [b, store[1], store[0], a]
    assert [job.target for job in jobs] == [job.source for job in jobs]
    assert not any(job.error for job in jobs)


def test_in_a_store_each_has_its_place(tmp_path):
    one = session_at(tmp_path / "x", "S07", "2026-01-01")
    jobs = plan([str(one)], tmp_path / "out")
    assert jobs[0].target == tmp_path / "out" / "subject=S07" / "session=2026-01-01"
    assert not (tmp_path / "out").exists(), "a plan writes nothing"


def test_the_second_of_a_pair_fails_and_the_others_go_on(tmp_path):
    for name, subject in (("a", "S01"), ("b", "S01"), ("c", "S02")):
        session_at(tmp_path / "in" / name, subject, "one")
    jobs = plan([str(tmp_path / "in")], tmp_path / "out")
    assert [isinstance(job.error, DuplicateSession) for job in jobs] == [False, True, False]
    assert jobs[1].source == tmp_path / "in" / "b"
    assert jobs[1].target is None
    assert str(tmp_path / "in" / "a") in str(jobs[1].error)
    # beside the raw data they are in nobody's way
    assert not any(job.error for job in plan([str(tmp_path / "in")], None))


def test_one_session_that_is_named_twice_is_one(tmp_path):
    one = session_at(tmp_path / "a")
    jobs = plan([str(one), f"{tmp_path}/*", f"{one}/"], tmp_path / "out")
    assert [(job.source, job.error) for job in jobs] == [(one, None)]


def test_what_is_not_there_is_a_job_of_its_own(tmp_path):
    one = session_at(tmp_path / "a")
    (tmp_path / "empty").mkdir()
    named = [str(tmp_path / "typo"), str(one), str(tmp_path / "empty"), str(tmp_path / "z*")]
    jobs = plan(named, None)
    assert [isinstance(job.error, SessionNotFound) for job in jobs] == [True, False, True, True]
    for job, name in zip(jobs, named, strict=True):
        assert job.error is None or name in str(job.error)


def test_a_session_that_says_nonsense_is_a_job_with_its_error(tmp_path):
    bad, good = session_at(tmp_path / "a", name="one"), session_at(tmp_path / "b", name="two")
    (bad / "session.json").write_text('{"schema": ')
    jobs = plan([str(tmp_path)], tmp_path / "out")
    assert [type(job.error) for job in jobs] == [BadSessionFile, type(None)]
    assert [job.source for job in jobs] == [bad, good]
