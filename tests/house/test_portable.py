"""The same code on Linux, macOS and Windows: text files are read and written as UTF-8, whatever the system's own."""

import ast

import pytest
from support.places import ROOT

FILES = sorted(p for folder in ("wbc_tutorial", "data_scripts", "docs") for p in (ROOT / folder).rglob("*.py"))
TEXT = {"read_text": 0, "write_text": 1}  # position of the encoding


def without_encoding(text):
    """Return the lines of calls that read or write text and leave the encoding to the system."""
    lines = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or any(keyword.arg == "encoding" for keyword in node.keywords):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in TEXT and len(node.args) <= TEXT[name]:
            lines.append(node.lineno)
        if name == "open" and isinstance(node.func, ast.Name):
            mode = node.args[1].value if len(node.args) > 1 and isinstance(node.args[1], ast.Constant) else "r"
            lines += [node.lineno] * ("b" not in mode)
    return lines


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_text_files_name_their_encoding(path):
    assert without_encoding(path.read_text(encoding="utf-8")) == []


def test_the_reader_sees_what_it_should():
    """The test of the test."""
    assert without_encoding("p.read_text()\np.write_text('a')\nopen('a')\nopen('a', 'w')") == [1, 2, 3, 4]
    assert without_encoding("p.read_text('utf-8')\np.write_text('a', encoding='utf-8')\nopen('a', 'rb')") == []
