"""Simulated sets: read from the cache, which follows the code and leaves nothing half behind."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from wbc_tutorial.data import simulated
from wbc_tutorial.data.simulated import SIMULATED, load_simulated

ONE = {"sim_mll": [1] + [0] * 12}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Every test has an empty cache of its own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("WBC_TUTORIAL_CACHE", str(folder))
    return folder


def test_simulated_set_comes_from_the_cache_the_second_time(tmp_path, monkeypatch):
    monkeypatch.setenv("WBC_TUTORIAL_CACHE", str(tmp_path / "cache"))
    counts = {"sim_mll": [1] * 13}
    first = load_simulated(["sim_mll"], counts=counts, size=16)
    monkeypatch.setattr("wbc_tutorial.data.simulator.simulate_laboratory", None)
    second = load_simulated(["sim_mll"], counts=counts, size=16)
    np.testing.assert_array_equal(first.images, second.images)
    assert first.counts.tolist() == [[1] * 13] and first.provenance["source"] == "simulated"


def test_half_written_cache_is_drawn_again(tmp_path, monkeypatch):
    monkeypatch.setenv("WBC_TUTORIAL_CACHE", str(tmp_path))
    counts = {"sim_mll": [1] + [0] * 12}
    first = load_simulated(["sim_mll"], counts=counts, size=16)
    stored = next(tmp_path.glob("*.npz"))
    stored.write_bytes(stored.read_bytes()[:100])
    np.testing.assert_array_equal(load_simulated(["sim_mll"], counts=counts, size=16).images, first.images)


def test_cache_that_cannot_be_written_only_warns(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WBC_TUTORIAL_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="not cached.*WBC_TUTORIAL_CACHE"):
        assert len(load_simulated(["sim_mll"], counts={"sim_mll": [1] + [0] * 12}, size=16)) == 1


@pytest.mark.parametrize("names", [["matek_19"], [], ["sim_mll", "sim_mll"], ["nowhere"]])
def test_laboratories_that_cannot_be_simulated_are_named(names):
    with pytest.raises(ValueError, match="expected one or more of"):
        load_simulated(names)


def test_simulated_names_are_those_of_the_course():
    assert SIMULATED == ("sim_matek", "sim_acevedo", "sim_mll")


def test_one_laboratory_may_be_a_string():
    cells = load_simulated("sim_mll", counts={"sim_mll": {"NGS": 2, "basophil": 1}}, size=8)
    assert cells.domain_names == ("sim_mll",) and cells.labels.tolist() == [0, 8, 8]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "128"}, "size is '128': expected a whole number of pixels, 8 or more"),
        ({"size": 64.0}, "size is 64.0"),
        ({"size": True}, "size is True"),
        ({"size": 4}, "size is 4"),
        ({"seed": "a"}, "seed is 'a'"),
        ({"seed": -1}, "seed is -1"),
        ({"counts": {"sim_mll": [1] * 13, "sim_mlll": [1] * 13}}, "counts of sim_mll, sim_mlll: expected a mapping"),
        ({"counts": {"sim_matek": [1] * 13}}, "counts of sim_matek: .* loaded, sim_mll"),
        ({"counts": [1] * 13}, "expected a mapping"),
        ({"counts": {"sim_mll": [1] * 11}}, "13 whole numbers"),
        ({"counts": {"sim_mll": {"cell": 1}}}, "unknown class 'cell'"),
    ],
)
def test_what_cannot_be_drawn_is_said_before_anything_is_drawn(cache, options, message):
    with pytest.raises(ValueError, match=message):
        load_simulated(["sim_mll"], **options)
    assert not cache.exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), RuntimeError("oh")])
def test_nothing_half_written_stays_in_the_cache(cache, monkeypatch, error):
    def full(file, **arrays):
        file.write(b"half of it")
        raise error

    monkeypatch.setattr(simulated.np, "savez", full)
    if isinstance(error, OSError):
        with pytest.warns(UserWarning, match="not cached: .*No space left"):
            assert len(load_simulated(["sim_mll"], counts=ONE, size=8)) == 1
    else:
        with pytest.raises(type(error)):
            load_simulated(["sim_mll"], counts=ONE, size=8)
    assert [path for path in cache.iterdir() if path.suffix != ".lock"] == []


def test_the_file_is_closed_before_it_takes_its_name(cache, monkeypatch):
    """As Windows demands."""
    files, replace = [], Path.replace
    savez = np.savez
    monkeypatch.setattr(simulated.np, "savez", lambda file, **arrays: (files.append(file), savez(file, **arrays)))

    def checked(self, target):
        assert files[0].closed
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", checked)
    load_simulated(["sim_mll"], counts=ONE, size=8)
    assert len(files) == 1 and len(list(cache.glob("*.npz"))) == 1


def test_a_file_system_without_locks_only_warns(monkeypatch):
    def no_locks(path):
        raise NotImplementedError("no flock")

    monkeypatch.setattr(simulated, "FileLock", no_locks)
    with pytest.warns(UserWarning, match="not cached: no flock"):
        assert len(load_simulated(["sim_mll"], counts=ONE, size=8)) == 1


def test_a_cached_file_of_another_shape_is_drawn_again(cache):
    first = load_simulated(["sim_mll"], counts=ONE, size=8)
    (stored,) = cache.glob("*.npz")
    np.savez(stored, images=np.zeros((1, 9, 9, 3), np.uint8), labels=np.zeros(1, np.int64))
    np.testing.assert_array_equal(load_simulated(["sim_mll"], counts=ONE, size=8).images, first.images)


@pytest.mark.parametrize("file", ["classes.py", "laboratories.py", "simulator/criteria.py", "simulator/appearance.py"])
def test_changed_code_is_drawn_anew(tmp_path, monkeypatch, file):
    """In a copy of the room: after a line is changed, what was kept is not read."""
    room = tmp_path / "data"
    shutil.copytree(Path(simulated.__file__).parent, room, ignore=shutil.ignore_patterns("__pycache__"))
    before = simulated._key("sim_mll", (1,) * 13, 0, 64)
    monkeypatch.setattr(simulated, "__file__", str(room / "simulated.py"))
    assert simulated._key("sim_mll", (1,) * 13, 0, 64) == before
    path = room / file
    path.write_text(path.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert simulated._key("sim_mll", (1,) * 13, 0, 64) != before


@pytest.mark.parametrize("change", [("sim_matek", (1,) * 13, 0, 64), ("sim_mll", (2,) * 13, 0, 64),
                                    ("sim_mll", (1,) * 13, 1, 64), ("sim_mll", (1,) * 13, 0, 65)])  # fmt: skip
def test_other_arguments_are_other_files(change):
    assert simulated._key(*change) != simulated._key("sim_mll", (1,) * 13, 0, 64)
