"""Prepared cells: real images that data_scripts/prepare.py has brought to one physical field."""

import reprlib
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from wbc_tutorial.data.cell_images import CellImages, StoredImages
from wbc_tutorial.data.checks import path_of
from wbc_tutorial.data.classes import CLASSES, COARSE_CLASSES, class_within, find_class, find_classes
from wbc_tutorial.data.prepared_files import images_digest, read_cells, read_facts, read_images

__all__ = ["domains_below", "load_every_image", "load_prepared", "pixel_digests"]


def domains_below(data: str | Path) -> tuple[dict[str, list[Path]], list[str]]:
    """Find the laboratories of all prepared sets in a folder: itself, or one folder below.

    Only ``cells.csv`` is read, and of it the column ``domain``. A set that is damaged or has other classes never stops
    others: `load_prepared` raises when that very set is asked for.

    Parameters
    ----------
    data : path

    Returns
    -------
    where : dict
        Laboratory -> the sets that hold images of it.
    unreadable : list of str
        What is wrong with the sets whose laboratories cannot be read, one line each.

    Raises
    ------
    FileNotFoundError
        Not a folder, or no prepared set in it.

    See Also
    --------
    load_prepared : read one set.
    """
    data = path_of("data", data)
    if not data.is_dir():
        raise FileNotFoundError(f"{data} is not a folder: give --data the output of data_scripts/prepare.py")
    sets = [data] if (data / "cells.csv").exists() else sorted(path.parent for path in data.glob("*/cells.csv"))
    if not sets:
        raise FileNotFoundError(
            f"{data} holds no prepared set (no cells.csv in it or one folder below): run data_scripts/prepare.py first"
        )
    where: dict[str, list[Path]] = {}
    unreadable = []
    for folder in sets:
        try:
            table = read_cells(folder / "cells.csv", ["domain"])
        except (OSError, ValueError) as error:
            unreadable.append(str(error))
            continue
        for domain in dict.fromkeys(name for name in table.domain if name):
            where.setdefault(domain, []).append(folder)
    return where, unreadable


def load_prepared(
    folder: str | Path, *, classes: Sequence[str] = CLASSES, domains: str | Sequence[str] = ()
) -> CellImages:
    """Read a folder written by ``data_scripts/prepare.py``; images stay on disk until they are used.

    The three files are compared with one another. The column ``id`` of ``cells.csv`` says which row of ``images.npy``
    an image is, so that a table that was sorted keeps its labels. ``images.npy`` is compared with the digest in
    ``set.json``, where prepare.py has written one: whole below 200 MB (well under a second), a larger file in 2,000
    of its images.

    Parameters
    ----------
    folder : path
        Holds ``images.npy`` (uint8 N, S, S, 3), ``cells.csv`` and ``set.json``.
    classes : sequence of str, default=CLASSES
        The label space: `CLASSES` (13), `CLASSES_11`, `COARSE_CLASSES` (5) or a part of one of them, by names or codes
        in any case. Images of other classes are left out and counted in ``provenance["left_out"]``.
    domains : str or sequence of str, default=()
        Laboratories to keep, in this order; none given: all, in the order of their first image.

    Raises
    ------
    FileNotFoundError, ValueError
        When a file is missing or damaged, or the three files contradict one another; with the file and the fix.

    See Also
    --------
    load_simulated : cells that are drawn.
    domains_below : the laboratories of several sets.
    """
    folder = path_of("folder", folder)
    classes = _label_space(classes)
    facts = read_facts(folder / "set.json")
    stack = read_images(folder / "images.npy")
    table = _in_order_of_images(read_cells(folder / "cells.csv"), folder, len(stack))
    digest = _check_images(folder, stack, facts)
    labels = _classes_of(table, classes, folder)
    asked = (domains,) if isinstance(domains, str) else tuple(domains)
    asked = tuple(unicodedata.normalize("NFC", str(name)) for name in asked)  # as `read_cells` reads the table
    domain_names = asked or tuple(dict.fromkeys(table.domain))
    absent = [name for name in domain_names if name not in set(table.domain)]
    if absent or len(set(domain_names)) < len(domain_names):
        held = ", ".join(dict.fromkeys(table.domain))
        raise ValueError(f"{folder} holds the domains {held}; asked for were {', '.join(map(str, domain_names))}")
    here = table.domain.isin(domain_names).to_numpy()
    has_class = np.array([label is not None for label in labels])
    rows = np.flatnonzero(here & has_class)
    if not len(rows):
        raise ValueError(f"{folder} holds no image of the classes {', '.join(classes)}")
    return CellImages(
        images=StoredImages((stack,), np.zeros(len(rows), dtype=np.int64), rows, (digest,)),
        labels=np.array([classes.index(labels[row]) for row in rows]),
        domains=np.array([domain_names.index(name) for name in table.domain.iloc[rows]]),
        groups=table.group.to_numpy(dtype=object)[rows],
        classes=classes,
        domain_names=domain_names,
        um_per_px=float(facts.get("um_per_px") or np.nan),
        provenance={
            "source": "prepared",
            "digest": facts.get("digest") or "",
            "left_out": table.label[here & ~has_class].value_counts().to_dict(),
        },
    )


def pixel_digests(folder: str | Path, *, classes: Sequence[str], domains: Sequence[str]) -> pd.DataFrame:
    """Read which images of a prepared set have the same pixels; no image is read.

    Parameters
    ----------
    folder : path
    classes : sequence of str
        The label space: images of other classes are left out, as `load_prepared` leaves them out.
    domains : sequence of str
        Laboratories to keep.

    Returns
    -------
    DataFrame of str
        The columns ``domain`` and ``pixel_digest``, a row for each image. Images with the same prepared pixels have
        the same digest; it is "" where ``cells.csv`` does not state it.

    Raises
    ------
    FileNotFoundError, ValueError
        When ``cells.csv`` is missing or damaged.
    """
    folder = path_of("folder", folder)
    table = read_cells(folder / "cells.csv")
    table = table[table.domain.isin(domains)]
    table = table[[label is not None for label in _classes_of(table, _label_space(classes), folder)]]
    digests = table["pixel_digest"] if "pixel_digest" in table else [""] * len(table)
    return pd.DataFrame({"domain": table.domain.tolist(), "pixel_digest": list(digests)}, dtype=object)


def load_every_image(folder: str | Path, *, classes: Sequence[str]) -> tuple[CellImages, pd.DataFrame]:
    """Read all images of a prepared set to name them: also those without a label or of other classes.

    The files are checked as `load_prepared` checks them.

    Parameters
    ----------
    folder : path
    classes : sequence of str
        The label space of the network.

    Returns
    -------
    cells : CellImages
        Its ``labels`` say nothing: all are 0.
    table : DataFrame of str
        The rows of ``cells.csv`` in the order of the images, and the column ``truth``: the class of each image among
        `classes`, "" where it has no label or another one.

    Raises
    ------
    FileNotFoundError, ValueError
        When a file is missing or damaged, or the three files contradict one another.

    See Also
    --------
    load_prepared : images with their labels, to train and to test.
    """
    folder = path_of("folder", folder)
    classes = _label_space(classes)
    facts = read_facts(folder / "set.json")
    stack = read_images(folder / "images.npy")
    table = _in_order_of_images(read_cells(folder / "cells.csv"), folder, len(stack), filled=("domain",))
    digest = _check_images(folder, stack, facts)
    labelled = table.label.map(_is_class).to_numpy(dtype=bool)
    truth = np.full(len(table), "", dtype=object)
    truth[labelled] = [label or "" for label in _classes_of(table[labelled], classes, folder)]
    domain_names = tuple(dict.fromkeys(table.domain))
    cells = CellImages(
        images=StoredImages((stack,), np.zeros(len(stack), dtype=np.int64), np.arange(len(stack)), (digest,)),
        labels=np.zeros(len(stack), dtype=np.int64),
        domains=np.array([domain_names.index(name) for name in table.domain]),
        groups=table.group.to_numpy(dtype=object),
        classes=classes,
        domain_names=domain_names,
        um_per_px=float(facts.get("um_per_px") or np.nan),
        provenance={"source": "prepared", "digest": facts.get("digest") or ""},
    )
    return cells, table.assign(truth=truth)


def _is_class(label: str) -> bool:
    try:
        return bool(find_class(label))
    except ValueError:
        return False


def _label_space(classes: Sequence[str]) -> tuple[str, ...]:
    """Return the classes by their names: all of them fine, or all of them coarse."""
    names = find_classes(classes)
    if not (set(names) <= set(CLASSES) or set(names) <= set(COARSE_CLASSES)):
        raise ValueError(
            f"classes mixes coarse and fine names ({', '.join(names)}); expected a part of CLASSES or of "
            f"COARSE_CLASSES ({', '.join(COARSE_CLASSES)})"
        )
    return names


def _in_order_of_images(
    table: pd.DataFrame, folder: Path, n_images: int, filled: Sequence[str] = ("label", "domain")
) -> pd.DataFrame:
    """Sort the rows by the image that each stands for; no entry may be blank in the columns `filled`."""
    path = folder / "cells.csv"
    if len(table) != n_images:
        raise ValueError(
            f"{path} has {len(table)} rows, but images.npy holds {n_images} images; they do not belong together: "
            "prepare the set again with data_scripts/prepare.py"
        )
    position = {str(number): number for number in range(n_images)}
    order = [position.get(text, -1) for text in table["id"]]
    if sorted(order) != list(range(n_images)):
        wrong = next((text for text, number in zip(table["id"], order, strict=True) if number < 0), "")
        what = f"holds {reprlib.repr(wrong)}" if -1 in order else "names an image twice"
        raise ValueError(
            f"{path}: the column id {what}; expected each number from 0 to {n_images - 1} once, the image's row in "
            "images.npy: prepare the set again with data_scripts/prepare.py"
        )
    table = table.iloc[np.argsort(order)].reset_index(drop=True)
    for column in filled:
        blank = np.flatnonzero(table[column] == "")
        if len(blank):
            raise ValueError(
                f"{path}: the image with id {blank[0]} has no {column}; write it into that column, or prepare the set "
                "again with data_scripts/prepare.py"
            )
    return table


def _check_images(folder: Path, stack: np.ndarray, facts: dict) -> str:
    """Compare ``set.json`` with ``images.npy`` and return the digest of the images."""
    n, side = stack.shape[:2]
    field, pixel = facts.get("field_um"), facts.get("um_per_px")
    said = {
        f"n_images = {facts.get('n_images')}": facts.get("n_images") in (None, n),
        f"size = {facts.get('size')}": facts.get("size") in (None, side),
        f"um_per_px = {pixel} and field_um = {field}": not (field and pixel) or np.isclose(field, side * pixel),
    }
    for what, fits in said.items():
        if not fits:
            raise ValueError(
                f"{folder / 'images.npy'} holds {n} images of {side} x {side} pixels, but set.json says {what}; they "
                "do not belong together: prepare the set again with data_scripts/prepare.py"
            )
    digest = images_digest(folder / "images.npy")
    if facts.get("images_digest") and facts["images_digest"] != digest:
        raise ValueError(
            f"{folder / 'images.npy'} holds other images than those that set.json was written for (its images_digest "
            "differs): prepare the set again with data_scripts/prepare.py"
        )
    return digest


def _classes_of(table: pd.DataFrame, classes: tuple[str, ...], folder: Path) -> list[str | None]:
    """Return the class of each image among `classes`, or None."""
    natives = table["native_label"] if "native_label" in table else [""] * len(table)
    pairs = list(zip(table.label, natives, strict=True))
    found: dict[tuple[str, str], str | None] = {}
    for label, native in dict.fromkeys(pairs):
        try:
            found[label, native] = class_within(find_class(label), classes, native)
        except ValueError:
            raise ValueError(
                f"{folder / 'cells.csv'} has the unknown label {reprlib.repr(label)}; expected a name or code of "
                "wbc_tutorial.CLASSES, neutrophil or lymphocyte: prepare the set again with data_scripts/prepare.py"
            ) from None
    return [found[pair] for pair in pairs]
