"""What `run_notebooks.py` keeps of an executed notebook, and what it drops."""

import base64
import io

import nbformat
import numpy as np
import pytest
from PIL import Image
from rebuild import run_notebooks

VIEW = {run_notebooks.WIDGET: {"model_id": "1"}}


def output(text, **more):
    return nbformat.v4.new_output("display_data", {"text/plain": text} | more)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def code(source, *outputs):
    cell = nbformat.v4.new_code_cell(source, metadata={"execution": {"iopub.status.busy": "now"}, "tags": ["a"]})
    cell.outputs = list(outputs)
    return cell


def test_what_belongs_to_the_run_is_dropped():
    notebook = nbformat.v4.new_notebook(
        cells=[
            code("wbc.environment.check()", output("Setup: all is well.")),
            code("fit()", output("training:  10%|#  | 1/10", **VIEW), output("", **VIEW), output("F1 .9")),
            code("prediction()", output("Predict: up or down?", **VIEW)),
        ],
        metadata={"widgets": {"state": {}}},
    )
    run_notebooks.tidy(notebook)
    shown = [[out.data for out in cell.outputs] for cell in notebook.cells]
    assert shown == [[], [{"text/plain": "F1 .9"}], [{"text/plain": "Predict: up or down?"}]]
    assert "widgets" not in notebook.metadata
    assert all(cell.metadata == {"tags": ["a"]} for cell in notebook.cells)


def test_text_that_came_in_pieces_is_one_output():
    printed = [nbformat.v4.new_output("stream", name=name, text=text) for name, text in zip("aab", "123", strict=True)]
    notebook = nbformat.v4.new_notebook(cells=[code("setup()"), code("print()", *printed, output("x"))])
    run_notebooks.tidy(notebook)
    assert [out.get("text", "-") for out in notebook.cells[1].outputs] == ["12", "3", "-"]


def test_the_largest_figures_get_fewer_colours_only_where_the_file_is_too_large():
    pixels = np.random.default_rng(0).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    pictures = [pixels, pixels[:10]]
    notebook = nbformat.v4.new_notebook(
        cells=[code("show()", *(output("", **{"image/png": png(p)}) for p in pictures))]
    )
    before = [out.data["image/png"] for out in notebook.cells[0].outputs]
    run_notebooks.shrink(notebook)
    assert [out.data["image/png"] for out in notebook.cells[0].outputs] == before
    run_notebooks.shrink(notebook, largest=len(before[0]))
    large, small = (out.data["image/png"] for out in notebook.cells[0].outputs)
    assert small == before[1] and len(large) < 0.6 * len(before[0])
    with Image.open(io.BytesIO(base64.b64decode(large))) as shown:
        assert shown.size == (60, 60) and len(shown.convert("RGB").getcolors(10_000)) <= run_notebooks.FEWER_COLOURS


@pytest.mark.parametrize(("content", "said"), [(None, "No such file"), ("no notebook", "")])
def test_what_cannot_be_run_is_one_line_and_stays_as_it_is(tmp_path, capsys, content, said):
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_text(content)
    assert run_notebooks.main([str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{path}: ") and said in line
    assert content is None or path.read_text() == content
