"""Checking prepared sets: copies, near copies, contradictions, slides on both sides; unlike cells are never pairs."""

import csv
import doctest
import functools
import io
import json

import numpy as np
import pytest
from PIL import Image
from support.fake_sets import colours, encoded, picture, prepare, write

from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.simulator import simulate_cell


def made(folder, pixels, labels=None, *, domain="a", groups=""):
    """Write a prepared set by hand: images, labels, slides."""
    n = len(pixels)
    folder.mkdir(parents=True)
    np.save(folder / "images.npy", np.stack(pixels))
    (folder / "set.json").write_text(json.dumps({"size": pixels[0].shape[0], "um_per_px": 25 / pixels[0].shape[0]}))
    with (folder / "cells.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "label", "domain", "group", "source_file"])
        for i in range(n):
            writer.writerow([i, labels[i] if labels else "monocyte", domain, groups[i] if groups else "",
                             f"{domain}{i}.png"])  # fmt: skip
    return folder


def resaved(pixels, quality=60):
    return np.asarray(Image.open(io.BytesIO(encoded(pixels, "JPEG", quality=quality))))


def enlarged(pixels, by=1.05, quality=70):
    """The middle of a picture that was scaled up and saved as JPEG, cut to the old number of pixels."""
    side = round(by * len(pixels))
    larger = resaved(np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)), quality)
    first = (side - len(pixels)) // 2
    return larger[first : first + len(pixels), first : first + len(pixels)]


@functools.cache
def drawn_cells(n):
    """`n` simulated cells of each class, 64 px."""
    return [simulate_cell("sim_mll", name, index=index, size=64) for name in CLASSES for index in range(n)]


def cells_of(start, n=8, side=64):
    return [colours(side, side, start + seed) for seed in range(n)]


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_unlike_cells_are_no_pairs(tmp_path):
    from real_sets.near_duplicates import appearance_of, near_duplicates

    pairs, _ = near_duplicates(appearance_of(np.stack(cells_of(0, 400, 32))))
    assert len(pairs) == 0
    noise = np.random.default_rng(0).integers(0, 256, (300, 32, 32, 3), dtype=np.uint8)
    assert len(near_duplicates(appearance_of(noise))[0]) == 0
    blank = np.full((5, 32, 32, 3), 200, dtype=np.uint8)  # a picture of one colour says nothing of a cell
    assert len(near_duplicates(appearance_of(blank))[0]) == 0


def test_the_same_hash_is_not_enough():
    from real_sets.near_duplicates import appearance_of, near_duplicates

    coarse = colours(32, 32, 0).astype(int) // 4 + 90
    rows, columns = np.indices((32, 32))[:, :, :, None]
    stack = np.stack([coarse + 60 * (rows % 2), coarse + 60 * (columns % 2)]).clip(0, 255).astype(np.uint8)
    appearance = appearance_of(stack)
    assert (appearance.bits[0] != appearance.bits[1]).sum() <= 8
    assert len(near_duplicates(appearance)[0]) == 0


@pytest.mark.parametrize("quality", [30, 60, 95])
def test_cells_saved_again_are_found_and_no_others(quality):
    from real_sets.near_duplicates import appearance_of, near_duplicates

    cells = cells_of(0, 300)
    again = [resaved(pixels, quality) for pixels in cells]
    pairs, correlation = near_duplicates(appearance_of(np.stack([*cells, *again])))
    assert sorted(map(tuple, pairs.tolist())) == [(i, i + 300) for i in range(300)]
    assert correlation.min() >= 0.95


@pytest.mark.parametrize("by", [1.02, 1.05])
def test_cells_enlarged_and_saved_again_are_found_and_no_others(by):
    from real_sets.near_duplicates import appearance_of, near_duplicates

    cells = drawn_cells(5)
    again = [enlarged(pixels, by) for pixels in cells]
    for stack in ([*cells, *again], [*again, *cells]):  # whichever of the two was enlarged
        pairs, correlation = near_duplicates(appearance_of(np.stack(stack)))
        assert sorted(map(tuple, pairs.tolist())) == [(i, i + len(cells)) for i in range(len(cells))]
        assert correlation.min() >= 0.95


def test_pairs_are_found_across_blocks(monkeypatch):
    from real_sets import near_duplicates as module

    cells = cells_of(0, 9, 32)
    stack = np.stack([*cells, *cells])
    monkeypatch.setattr(module, "_ROWS", 4)
    pairs, _ = module.near_duplicates(module.appearance_of(stack))
    assert sorted(map(tuple, pairs.tolist())) == [(i, i + 9) for i in range(9)]


def test_examples_in_the_docstrings():
    from real_sets import near_duplicates

    result = doctest.testmod(near_duplicates)
    assert (result.failed, result.attempted > 0) == (0, True)


def test_independent_laboratories_are_clean(tmp_path):
    made(tmp_path / "data" / "one", cells_of(0), domain="a")
    made(tmp_path / "data" / "two", cells_of(50), domain="b")
    code, out, err = prepare("check", tmp_path / "data", "--train", "a", "--unseen", "b")
    assert (code, err) == (0, [])
    assert "the same pixels: 0 pairs" in out
    assert "near-duplicates: the same cell, other pixels: 0 pairs" in out
    assert "known (a) and unseen (b) laboratories share: 0 pairs of pictures, 0 slides" in out


def test_laboratories_are_described(tmp_path):
    red = [np.full((16, 16, 3), (200, 10, 30), np.uint8)]
    made(tmp_path / "one", red, domain="a")
    _, out, _ = prepare("check", tmp_path / "one")
    assert "  a: 1 pictures, 16 px of 1.562 um, mean colour R 200 G 10 B 30" in out


@pytest.mark.parametrize("change", [np.copy, resaved, enlarged])
def test_laboratory_that_copies_another_is_a_leak(change, tmp_path):
    cells = drawn_cells(1)
    made(tmp_path / "data" / "one", cells[:7], domain="a")
    made(tmp_path / "data" / "two", [*map(change, cells[:3]), *cells[7:]], domain="b")
    code, out, err = prepare("check", tmp_path / "data", "--train", "a", "--unseen", "b", "--out", tmp_path / "c.csv")
    assert code == 2
    assert len(err) == 1
    assert err[0].startswith("error: leak: known and unseen laboratories share 3 pairs of pictures and 0 slides or")
    assert any(line.startswith("  3 between a and b: where one of the two is trained on") for line in out)
    leaks = [row for row in table(tmp_path / "c.csv") if row["finding"] == "leak"]
    assert [(row["file"], row["other_file"]) for row in leaks] == [(f"a{i}.png", f"b{i}.png") for i in range(3)]
    assert prepare("check", tmp_path / "data", "--train", "a", "--unseen", "b", "--allow-leaks")[0] == 0
    assert prepare("check", tmp_path / "data")[0] == 0  # without sides there is nothing to leak between


def test_what_known_laboratories_share_is_no_leak(tmp_path):
    first, second, third, fourth = cells_of(0, 4)
    made(tmp_path / "data" / "one", [first, first, second], domain="a", groups=["p", "p", "q"])
    made(tmp_path / "data" / "two", [second, third], domain="b", groups=["q", "r"])
    made(tmp_path / "data" / "three", [fourth], domain="c")
    code, out, err = prepare("check", tmp_path / "data", "--train", "a,b", "--unseen", "c")
    assert (code, err) == (0, [])
    assert "the same pixels: 2 pairs" in out
    assert prepare("check", tmp_path / "data", "--train", "a", "--unseen", "b")[0] == 2


def test_copy_of_another_size_is_found(tmp_path):
    cells = cells_of(0)
    small = [np.asarray(Image.fromarray(pixels).resize((40, 40), Image.Resampling.BICUBIC)) for pixels in cells]
    made(tmp_path / "one", cells, domain="a")
    made(tmp_path / "two", small, domain="b")
    code, out, err = prepare("check", tmp_path / "one", tmp_path / "two", "--train", "a", "--unseen", "b")
    assert code == 2
    assert "share 8 pairs of pictures" in err[0]
    assert any(line.startswith("  the sets differ in size or scale") for line in out)


def test_shared_patient_is_a_leak(tmp_path):
    made(tmp_path / "one", cells_of(0, 2), domain="a", groups=["p1", "p2"])
    made(tmp_path / "two", cells_of(50, 2), domain="b", groups=["p2", "p3"])
    code, out, err = prepare("check", tmp_path / "one", tmp_path / "two", "--train", "a", "--unseen", "b")
    assert code == 2
    assert "share 0 pairs of pictures and 1 slides or patients, such as the slide p2" in err[0]
    assert "  p2: a, b" in out


def test_contradictions_and_cells_of_two_slides_are_listed(tmp_path):
    first, second, third = cells_of(0, 3)
    made(tmp_path / "one", [first, first, second, resaved(second), third, third],
         labels=["BAS", "monocyte", "MON", "monocyte", "neutrophil", "NGB"],
         groups=["s1", "s1", "s1", "s2", "s1", "s1"])  # fmt: skip
    code, out, err = prepare("check", tmp_path / "one", "--out", tmp_path / "c.csv")
    assert (code, err) == (0, [])
    assert "two labels for one cell: 1 pairs" in out  # neutrophil and its band form do not contradict each other
    assert "  one: a0.png (a, basophil) = one: a1.png (a, monocyte)" in out
    found = [(row["finding"], row["file"], row["other_file"]) for row in table(tmp_path / "c.csv")]
    assert ("two slides", "a2.png", "a3.png") in found
    assert sum(row[0] == "two slides" for row in found) == 1
    assert any("all 1 pictures of basophil are from the slide s1" in line for line in out)
    assert not any("pictures of monocyte are from the slide" in line for line in out)


def test_contradictions_that_prepare_left_out_are_told(tmp_path):
    copies = (("BAS/a", "MON/b"), ("BAS/c", "EOS/d", "MON/e"), ("MON/f",), ("EOS/g", "EOS/h"))
    write(tmp_path, {f"in/{name}.png": picture(seed) for seed, names in enumerate(copies) for name in names})
    code, out, _ = prepare("folder", "--source", tmp_path / "in", "--out", tmp_path / "set", "--domain", "a",
                           "--um-per-px", 0.1)  # fmt: skip
    assert (code, out[0]) == (0, "found 8 = read 2 + rejected 6")
    code, out, err = prepare("check", tmp_path / "set")
    assert (code, err) == (0, [])
    place = out.index("two labels for one cell, so that prepare left all its pictures out")
    assert out[place + 1].startswith(
        "  set: 5 pictures of 2 cells, such as BAS/a.png (basophil), MON/b.png (monocyte);"
    )
    assert out[place + 1].endswith(str(tmp_path / "set" / "rejected.csv"))
    (tmp_path / "set" / "rejected.csv").write_bytes(b"\xff")
    assert (
        "two labels for one cell, so that prepare left all its pictures out"
        not in prepare("check", tmp_path / "set")[1]
    )


def test_ids_decide_which_image_a_row_is(tmp_path):
    cells = cells_of(0, 2)
    made(tmp_path / "one", [*cells, cells[0]], labels=["BAS", "MON", "BAS"])
    lines = (tmp_path / "one" / "cells.csv").read_text().splitlines()
    (tmp_path / "one" / "cells.csv").write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    prepare("check", tmp_path / "one", "--out", tmp_path / "c.csv")
    assert [(row["file"], row["other_file"]) for row in table(tmp_path / "c.csv")] == [("a0.png", "a2.png")]


@pytest.mark.parametrize(("more", "message"), [
    (["--train", "a"], "--train and --unseen belong together"),
    (["--train", "a", "--unseen", "c"], "--unseen c: no such laboratory; the sets hold a"),
    (["--train", "a", "--unseen", "a"], "--unseen a: is named in --train, too"),
    (["--out", "{}/one/check.csv"], "lies inside a prepared set"),
    (["--out", "{}/one/cells.csv"], "exists already"),
    (["--out", "{}/none/check.csv"], "its folder does not exist"),
    (["{}/none"], "no such folder"),
])  # fmt: skip
def test_bad_usage_is_one_line(more, message, tmp_path):
    made(tmp_path / "one", cells_of(0, 2))
    code, out, err = prepare("check", tmp_path / "one", *[text.format(tmp_path) for text in more])
    assert (code, out, len(err)) == (2, [], 1)
    assert message in err[0]


@pytest.mark.parametrize(("file", "content"), [
    ("cells.csv", "id,label,domain,group\n0,BAS,a,\n"), ("cells.csv", "id,label,domain,group\n0,BAS,a,\n0,BAS,a,\n"),
    ("cells.csv", "id,label,domain,group\n0,BAS,a,\n1,cat,a,\n"), ("cells.csv", ""), ("set.json", "[1]"),
    ("images.npy", "no array")])  # fmt: skip
def test_damaged_set_is_one_line(file, content, tmp_path):
    made(tmp_path / "one", cells_of(0, 2))
    (tmp_path / "one" / file).write_text(content)
    code, _, err = prepare("check", tmp_path / "one")
    assert (code, len(err)) == (2, 1)
    assert file in err[0]


def test_help_shows_how(capsys):
    from prepare import main

    for arguments, text in ((["check", "--help"], "prepare.py check data --train acevedo_20,raabin --unseen my_lab"),
                            (["--help"], "prepare.py check DIR")):  # fmt: skip
        with pytest.raises(SystemExit):
            main(arguments)
        assert text in capsys.readouterr().out
