"""Where a prepared set may be put: nothing that anybody else put there is ever touched, at whatever moment it came."""

import json

import pytest
from real_sets import prepare_command, prepared_set
from real_sets.errors import BadInput
from real_sets.locks import alone
from support.fake_sets import leftovers, own_laboratory, picture, prepare, prepared, write


def own(source, out, *more):
    return prepare("folder", "--source", source, "--domain", "mine", "--um-per-px", 0.1, "--out", out, *more)


def meanwhile(monkeypatch, action):
    """Do something at the last moment, when the whole new set lies beside its place."""
    write_facts = prepared_set.write_facts

    def then_act(*arguments):
        write_facts(*arguments)
        action()

    monkeypatch.setattr(prepare_command.prepared_set, "write_facts", then_act)


@pytest.mark.parametrize("empty_before", [True, False])
def test_what_appears_in_out_during_the_run_is_kept(empty_before, tmp_path, monkeypatch):
    out = tmp_path / "out"
    if empty_before:
        out.mkdir()
    meanwhile(monkeypatch, lambda: write(out, {"my_notes.txt": b"lab book"}))
    code, printed, err = own(own_laboratory(tmp_path / "in"), out)
    assert (code, printed, len(err)) == (2, [], 1)
    assert "out: something was put there while the set was prepared; it is kept, and the new set is not" in err[0]
    assert [path.name for path in out.iterdir()] == ["my_notes.txt"]
    assert not leftovers(tmp_path)


def test_file_that_appears_as_out_is_kept(tmp_path, monkeypatch):
    meanwhile(monkeypatch, lambda: (tmp_path / "out").write_text("a file"))
    assert own(own_laboratory(tmp_path / "in"), tmp_path / "out")[0] == 2
    assert (tmp_path / "out").read_text() == "a file"


@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_set_of_another_run_is_not_replaced(more, tmp_path, monkeypatch):
    source, out = own_laboratory(tmp_path / "in"), tmp_path / "out"
    if more:
        own(source, out)
    other = {name: b"{}" for name in prepared_set.FILES} | {"set.json": b'{"format": "wbc_tutorial prepared set 1"}'}
    meanwhile(monkeypatch, lambda: write(out, other))
    code, _, err = own(source, out, *more)
    assert (code, len(err)) == (2, 1)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == other
    assert not leftovers(tmp_path)


def test_overwrite_keeps_what_was_put_into_the_old_set(tmp_path, monkeypatch):
    source, out = own_laboratory(tmp_path / "in"), tmp_path / "out"
    own(source, out)
    digest = prepared(out)[0]["digest"]
    meanwhile(monkeypatch, lambda: write(out, {"thesis.txt": b"years of work"}))
    code, _, err = own(source, out, "--overwrite", "--size", 32)
    assert (code, len(err)) == (2, 1)
    assert "out: holds thesis.txt, so it is no prepared set and is not replaced" in err[0]
    assert (out / "thesis.txt").read_bytes() == b"years of work"
    assert json.loads((out / "set.json").read_text())["digest"] == digest


def test_second_run_for_the_same_place_is_refused_at_once(tmp_path):
    source = own_laboratory(tmp_path / "in")
    with alone(tmp_path / "out"):
        code, _, err = own(source, tmp_path / "out")
        assert (code, len(err)) == (2, 1)
        assert "out: another run is writing this; wait for it, or choose another --out" in err[0]
    assert own(source, tmp_path / "out")[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_disk_without_locks_still_works(tmp_path, monkeypatch):
    def no_locks(*_, **__):
        raise NotImplementedError("no locks here")

    monkeypatch.setattr("filelock.FileLock.acquire", no_locks)
    assert own(own_laboratory(tmp_path / "in"), tmp_path / "out")[0] == 0


def test_failure_removes_the_folders_that_the_run_made(tmp_path):
    write(tmp_path / "bad", {"BAS/x.png": b""})
    assert own(tmp_path / "bad", tmp_path / "new" / "deep" / "out")[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["bad"]


@pytest.mark.parametrize("content", [b"", b"null", b"[1]", b'{"format": 5}', b'{"format": "mine"}', b"\xff"])
def test_folder_whose_set_json_is_damaged_is_not_replaced(content, tmp_path):
    source, out = own_laboratory(tmp_path / "in"), tmp_path / "out"
    own(source, out)
    (out / "set.json").write_bytes(content)
    code, _, err = own(source, out, "--overwrite")
    assert (code, len(err)) == (2, 1)
    assert "out: its set.json is missing or damaged, so it is not known for a prepared set and is not" in err[0]


def test_own_table_of_that_name_is_not_taken_for_a_set(tmp_path):
    write(tmp_path / "out", {"cells.csv": b"my own counts"})
    assert own(own_laboratory(tmp_path / "in"), tmp_path / "out", "--overwrite")[0] == 2
    assert (tmp_path / "out" / "cells.csv").read_bytes() == b"my own counts"


@pytest.mark.parametrize(
    ("files", "out", "expected"),
    [
        (("set.json", "cells.csv"), "there", "is not empty (a prepared set); choose another --out, or --overwrite"),
        (("settings.json", "results.csv"), "there", "is not empty (a folder of results); choose another --out"),
        (("set.json", "cells.csv"), "there/new", "there, which is a prepared set; choose an --out elsewhere"),
        (("settings.json", "results.csv"), "there/a/b", "there, which is a folder of results; choose an --out"),
    ],
)
def test_out_in_a_set_or_in_results_is_refused(files, out, expected, tmp_path):
    write(tmp_path, {f"there/{name}": b"x" for name in files})
    code, _, err = own(own_laboratory(tmp_path / "in"), tmp_path / out)
    assert (code, len(err)) == (2, 1)
    assert expected in err[0]
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == sorted(files)


@pytest.mark.parametrize("source", ["out", "out/.."])
def test_source_that_is_out_or_a_prepared_set_is_refused(source, tmp_path):
    own(own_laboratory(tmp_path / "in"), tmp_path / "out")
    code, _, err = own(tmp_path / source, tmp_path / "out", "--overwrite")
    assert (code, len(err)) == (2, 1)
    assert "lies inside --source or holds it" in err[0]
    code, _, err = own(tmp_path / "out", tmp_path / "new")
    assert (code, len(err)) == (2, 1)
    assert "out: is a prepared set already; give the folder of the original pictures" in err[0]


def test_link_that_is_put_in_place_of_out_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    meanwhile(monkeypatch, lambda: (tmp_path / "out").symlink_to(tmp_path / "elsewhere"))
    assert own(own_laboratory(tmp_path / "in"), tmp_path / "out")[0] == 2
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_lock_is_given_back_after_an_error(tmp_path):
    with pytest.raises(BadInput), alone(tmp_path / "x"):
        raise BadInput("as a run does")
    with alone(tmp_path / "x"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_two_runs_one_after_the_other(tmp_path):
    source = own_laboratory(tmp_path / "in")
    assert own(source, tmp_path / "out", "--size", 16)[0] == 0
    write(source, {"EOS/new.png": picture(8)})
    assert own(source, tmp_path / "out", "--size", 32)[0] == 2
    assert prepared(tmp_path / "out")[0]["size"] == 16
