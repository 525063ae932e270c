"""An argument of a wholly different kind is refused in one line that names it and says what was expected."""

import pytest

import wbc_tutorial as wbc


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda wrong, _: wbc.load_model(wrong), "path is .*: expected a path"),
        (lambda wrong, _: wbc.load_prepared(wrong), "folder is .*: expected a path"),
        (lambda wrong, _: wbc.save_model(wbc.small_cnn(5, width=4), wrong), "path is .*: expected a path"),
        (lambda wrong, _: wbc.folds(wrong), "cells: got a .*, expected CellImages"),
        (lambda wrong, _: wbc.screen(wrong, [0]), "cells: got a .*, expected CellImages"),
        (lambda wrong, _: wbc.fit(wbc.small_cnn(5, width=4), wrong), "cells: got a .*, expected CellImages"),
        (lambda wrong, _: wbc.fit(wrong, wbc.load_simulated()), "model: got a .*, expected a Classifier"),
        (lambda wrong, folder: wbc.run(wrong, ["erm"], out=folder), "settings: got a .*, expected wbc.Settings"),
        (lambda wrong, _: wbc.run_one(wrong, ("erm",), 0, 0), "settings: got a .*, expected wbc.Settings"),
        (lambda wrong, folder: wbc.run(wbc.Settings(), wrong, out=folder), "methods is .*: expected names in a list"),
        (lambda wrong, _: wbc.run(wbc.Settings(), ["erm"], out=wrong), "out is .*: expected a path"),
    ],
)
@pytest.mark.parametrize("wrong", [3, None, b"a"])
def test_the_wrong_kind_is_named(tmp_path, call, message, wrong):
    if wrong == b"a" and "methods" in message:
        wrong = "erm"  # bytes are a sequence: the likely slip is a name in place of a list
    with pytest.raises(ValueError, match=message):
        call(wrong, tmp_path)
