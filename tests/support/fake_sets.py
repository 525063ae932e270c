"""Small fake sets for the tests of data_scripts: pictures of every kind, good and bad, and folders that hold them."""

import contextlib
import csv
import functools
import io
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

SCRIPTS = Path(__file__).resolve().parents[2] / "data_scripts"
if str(SCRIPTS) not in sys.path:
    sys.path.insert(0, str(SCRIPTS))


def colours(width, height, seed=0):
    """A smooth colour picture, (height, width, 3) uint8, another for each seed."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def encoded(pixels, kind="PNG", **options):
    """The bytes of a picture file."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@functools.cache
def picture(seed=0, width=260, height=260, kind="PNG", **options):
    return encoded(colours(width, height, seed), kind, **options)


def raw_png(width, height, depth, colour_type, data=b""):
    """A PNG built by hand, also with what Pillow would not write."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    body = zlib.compress(data)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def png_of(pixels):
    """A colour PNG of 16 bits a channel, (height, width, 3) uint16, which Pillow would not write."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return raw_png(pixels.shape[1], pixels.shape[0], 16, 2, rows)


def tiff_of(pixels):
    """A little-endian colour TIFF, (height, width, 3) uint16 or float32, which Pillow would not write."""
    height, width, _ = pixels.shape
    bits, strip = 8 * pixels.itemsize, pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    bits_at, strip_at = 8, 14
    directory_at = strip_at + len(strip)
    kind = 3 if pixels.dtype.kind == "f" else 1
    entries = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, bits_at), (259, 3, 1, 1), (262, 3, 1, 2),
               (273, 4, 1, strip_at), (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 1, len(strip)),
               (339, 3, 1, kind)]  # fmt: skip
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = b"II*\0" + struct.pack("<I", directory_at) + struct.pack("<HHH", bits, bits, bits)
    return head + strip + directory + struct.pack("<I", 0)


def write(root, files):
    """Write ``{relative name: bytes}`` below `root`."""
    for name, content in files.items():
        path = Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return Path(root)


def own_laboratory(root):
    """A good folder of a user's own: two basophils, one monocyte; 0.1 um per pixel."""
    return write(root, {f"{name}.png": picture(seed) for seed, name in enumerate(("BAS/a", "BAS/b", "monocyte/c"))})


def pack(root, domain="chula", rows=None, extra=()):
    """A pack: `rows` are (code, native label, group, width, height, file, bytes or None for no member)."""
    import zipfile

    if rows is None:
        rows = [("BAS", "basophil", "s1", 300, 300, "BAS/a.jpg", picture(1, 112, 112, "JPEG")),
                ("NEU", "neutrophil", "s2", 300, 300, "NEU/b.jpg", picture(2, 112, 112, "JPEG"))]  # fmt: skip
    Path(root).mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(Path(root, f"{domain}.zip"), "w") as archive:
        for *_, file, content in rows:
            if content is not None:
                archive.writestr(f"{domain}/{file}", content)
        for name, content in extra:
            archive.writestr(name, content)
    manifest = Path(root, "manifest.csv")
    new = not manifest.exists()
    with manifest.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["domain", "code", "native_label", "group", "original_width", "original_height", "file"])
        for code, native, group, width, height, name, _ in rows:
            writer.writerow([domain, code, native, group, width, height, f"{domain}/{name}"])
    return Path(root)


def blood(path, side=28, per_split=8, **replace):
    """A fake BloodMNIST: `replace` sets or (None) removes arrays."""
    arrays = {}
    for number, split in enumerate(("train", "val", "test")):
        images = [colours(side, side, 100 * number + i) for i in range(per_split)]
        arrays[f"{split}_images"] = np.stack(images)
        arrays[f"{split}_labels"] = np.arange(per_split, dtype=np.uint8)[:, None] % 8
    arrays |= replace
    np.savez_compressed(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def run(script, *arguments):
    """Run a script's main in this process: (exit code, lines on stdout, lines on stderr)."""
    from real_sets.errors import one_line_errors

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = one_line_errors(__import__(script).main, [str(argument) for argument in arguments])
    return code, out.getvalue().splitlines(), err.getvalue().splitlines()


def prepare(*arguments):
    return run("prepare", *arguments)


def prepared(out):
    """What lies in a prepared set: (facts, rows of cells.csv, {file: reason}); the counts must add up."""
    facts = json.loads(Path(out, "set.json").read_text(encoding="utf-8"))
    with Path(out, "cells.csv").open(newline="", encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    with Path(out, "rejected.csv").open(newline="", encoding="utf-8") as file:
        rejected = [(row["file"], row["reason"]) for row in csv.DictReader(file)]
    images = np.load(Path(out, "images.npy"), mmap_mode="r", allow_pickle=False)
    assert images.shape == (len(cells), facts["size"], facts["size"], 3)
    assert images.dtype == np.uint8
    assert facts["n_images"] == len(cells)
    assert facts["found"] == len(cells) + len(rejected)
    assert sum(facts["rejected"].values()) == len(rejected)
    assert [row["id"] for row in cells] == [str(i) for i in range(len(cells))]
    assert {path.name for path in Path(out).iterdir()} == {"images.npy", "cells.csv", "set.json", "rejected.csv"}
    return facts, cells, dict(rejected)


def leftovers(folder):
    """What an interrupted run would leave beside its target."""
    return [path.name for path in Path(folder).iterdir() if ".partial" in path.name or path.suffix in (".old", ".lock")]
