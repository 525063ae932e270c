"""The page of `--leave-one-out`: a row for each laboratory, points, the interval over laboratories, and cells."""

import json

import pytest
from support.report_pages import Page, cells_of, results

from wbc_tutorial import report
from wbc_tutorial.experiments.leave_one_out import MEAN, LeaveOneOut, leave_one_out_table


def left_out(folder, laboratories, **options):
    """Make up the results of leaving each laboratory out; the images of each differ by its number."""
    rows, folders, cells = {}, {}, {}
    for number, laboratory in enumerate(laboratories):
        folders[laboratory] = folder / f"lab{number}"
        rows[laboratory] = results(folders[laboratory], unseen=(laboratory,), **options)
        cells[laboratory] = cells_of((laboratory,))
    return LeaveOneOut(leave_one_out_table(rows), rows), folders, cells


@pytest.fixture
def three(tmp_path):
    return left_out(tmp_path, ("chula", "<b>x", "mine"), runs=2)


def test_a_row_for_each_laboratory_points_and_the_interval_over_laboratories(tmp_path, three):
    found, folders, cells = three
    path = report.write_leave_one_out(tmp_path, found, folders, cells)
    page = Page(path)
    assert path == tmp_path / "report.html"
    for line in found.table[found.table.laboratory != MEAN].itertuples():
        assert f"<td>{line.f1_macro:.3f}</td>" in page.html and f"<td>{line.known_f1_macro:.3f}</td>" in page.html
    mean = found.table[(found.table.laboratory == MEAN) & (found.table.method == "boda")].iloc[0]
    assert f"BoDA scores {mean.points:.1f} points higher than ERM, 95 % interval {mean.low:+.1f} to " in page.text
    assert "over 3 laboratories" in page.text and f"{mean.low:+.1f} to {mean.high:+.1f}" in page.text
    first = found.table[found.table.laboratory == MEAN].iloc[0]
    assert f"{first.known_f1_macro:.2f} on the known laboratories and {first.f1_macro:.2f} on the laborat" in page.text
    for laboratory in ("chula", "<b>x", "mine"):
        assert f"Unseen laboratory {laboratory}" in page.text and f"The results, {laboratory} left out" in page.text
    assert "b" not in {tag for tag, _ in page.tags}


def test_the_cells_of_each_laboratory_are_shown(tmp_path, three):
    page = Page(report.write_leave_one_out(tmp_path, *three))
    fields = json.loads(page.scripts[0])["fields"]
    assert {f"matrix-unseen{n}-{method}" for n in range(3) for method in ("erm", "boda")} < set(fields)
    assert all(fields[f"matrix-unseen{n}-erm"] for n in range(3)) and "Confused cells" in page.text
    for shown in (each for of_matrix in fields.values() for each in of_matrix.values()):
        pictures = [picture for picture, *_ in shown]
        assert len(set(pictures)) == len(pictures), "the runs share their known images: each is shown once"
    found, folders, cells = three
    page = Page(report.write_leave_one_out(tmp_path, found, folders, cells | {"mine": cells_of(size=6)}))
    assert "No cell can be shown" in page.text, "one of the sets is another one now"


def test_two_laboratories_give_points_and_no_interval(tmp_path):
    page = Page(report.write_leave_one_out(tmp_path, *left_out(tmp_path, ("chula", "mine"))))
    assert "With 2 laboratories there are points and no interval: it needs three." in page.text
    assert "95 %" not in page.text and "points to ERM" in page.text


def test_lost_predictions_leave_the_tables(tmp_path, three):
    found, folders, cells = three
    for path in (folders["mine"] / "predictions").iterdir():
        path.unlink()
    page = Page(report.write_leave_one_out(tmp_path, found, folders, cells))
    assert "mine/predictions/erm-fold0-seed0.npz" in page.text and "Table 2" in page.text and not page.of("img")
