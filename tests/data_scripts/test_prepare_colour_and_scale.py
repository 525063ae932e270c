"""What a file says of its colours and its scale: profiles are converted, contradictions are said, formats are read."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin
from support.fake_sets import colours, encoded, picture, png_of, prepare, prepared, tiff_of, write

PIXELS = colours(260, 260, 5)


def own(tmp_path, files, *more):
    """Prepare pictures of 10 pixels per micrometre: (images, lines that begin with "note: ", rejected)."""
    out = tmp_path / "out"
    code, lines, err = prepare("folder", "--source", write(tmp_path / "in", files), "--domain", "mine", "--um-per-px",
                               0.1, "--out", out, *more)  # fmt: skip
    assert (code, err) == (0, [])
    facts, _, rejected = prepared(out)
    notes = [line.removeprefix("note: ") for line in lines if line.startswith("note: ")]
    assert facts["notes"] == notes
    return np.load(out / "images.npy"), notes, rejected


def wide_profile():
    """A matrix profile with other primaries than sRGB, made from sRGB's bytes by a turn of its colours."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    table = {profile[at : at + 4]: at for at in range(132, 132 + 12 * int.from_bytes(profile[128:132]), 12)}
    content = bytearray(profile)
    red, green = table[b"rXYZ"], table[b"gXYZ"]
    content[red + 4 : red + 8], content[green + 4 : green + 8] = (
        profile[green + 4 : green + 8],
        profile[red + 4 : red + 8],
    )
    return bytes(content).replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_embedded_profile_is_converted_to_srgb_and_said(kind, tmp_path):
    options = {"quality": 100} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    content = encoded(PIXELS, kind, icc_profile=wide_profile(), **options)
    images, notes, _ = own(tmp_path, {f"BAS/a.{kind.lower()}": content}, "--size", 128)
    (note,) = notes
    assert note.startswith("1 of 1 pictures carry a colour profile (")
    assert note.endswith(") that was used: converted to sRGB")
    with Image.open(io.BytesIO(content)) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(wide_profile()))
        converted = ImageCms.profileToProfile(image.convert("RGB"), profile, ImageCms.createProfile("sRGB"))
    expected = np.asarray(converted.resize((128, 128), Image.Resampling.BICUBIC, box=(5, 5, 255, 255)))
    assert np.abs(images[0].astype(int) - expected).mean() < 1
    unconverted = np.asarray(Image.fromarray(PIXELS).resize((128, 128), Image.Resampling.BICUBIC, box=(5, 5, 255, 255)))
    assert np.abs(images[0].astype(int) - unconverted).mean() > 10


def test_srgb_profile_changes_nothing_and_needs_no_word(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    images, notes, _ = own(tmp_path, {"BAS/a.png": encoded(PIXELS, icc_profile=srgb)})
    plain, _, _ = own(tmp_path / "plain", {"BAS/a.png": encoded(PIXELS)})
    np.testing.assert_array_equal(images, plain)
    assert notes == []


@pytest.mark.parametrize("profile", [b"no profile", wide_profile()[:200], bytes(500)])
def test_damaged_profile_is_ignored_and_said(profile, tmp_path):
    images, notes, _ = own(tmp_path, {"BAS/a.jpg": encoded(PIXELS, "JPEG", icc_profile=profile)})
    assert len(images) == 1
    assert notes == ["1 of 1 pictures carry a colour profile (unreadable) that cannot be read; it was ignored"]


def test_profile_of_another_kind_of_colour_is_ignored_and_said(tmp_path):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    _, notes, _ = own(tmp_path, {"BAS/a.png": encoded(PIXELS, icc_profile=lab)})
    assert notes == ["1 of 1 pictures carry a colour profile (unreadable) that cannot be read; it was ignored"]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "TGA", "PPM", "PCX", "SGI", "QOI", "WEBP", "JPEG2000"])
def test_formats_without_loss_give_the_same_pixels(kind, tmp_path):
    options = {"WEBP": {"lossless": True}, "JPEG2000": {"irreversible": False}}.get(kind, {})
    ending = {"JPEG2000": "jp2"}.get(kind, kind.lower())
    images, _, _ = own(tmp_path, {f"BAS/a.{ending}": encoded(PIXELS, kind, **options)})
    plain, _, _ = own(tmp_path / "plain", {"BAS/a.png": encoded(PIXELS)})
    np.testing.assert_array_equal(images, plain)


@pytest.mark.parametrize("kind", ["GIF", "AVIF", "WEBP", "JPEG"])
def test_formats_with_loss_are_read_whatever_they_are_called(kind, tmp_path):
    try:
        content = encoded(PIXELS, kind)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {kind}")
    images, _, _ = own(tmp_path, {"BAS/a.jpg": content})
    plain, _, _ = own(tmp_path / "plain", {"BAS/a.png": encoded(PIXELS)})
    assert np.abs(images.astype(int) - plain).mean() < 8


@pytest.mark.parametrize("make", [png_of, tiff_of])
def test_16_bits_are_scaled_by_one_factor(make, tmp_path):
    images, notes, _ = own(tmp_path, {"BAS/a.tif": make(PIXELS.astype(np.uint16) * 257)})
    plain, _, _ = own(tmp_path / "plain", {"BAS/a.png": encoded(PIXELS)})
    np.testing.assert_array_equal(images, plain)
    assert notes == []
    darker, _, _ = own(tmp_path / "dark", {"BAS/a.tif": make(PIXELS.astype(np.uint16) * 128)})
    assert abs(darker.mean() / plain.mean() - 0.5) < 0.02


def test_several_sizes_are_said_in_one_line(tmp_path):
    files = {f"BAS/{width}_{i}.png": picture(10 * width + i, width, 260)
             for width, count in ((260, 3), (300, 2), (290, 1), (280, 1)) for i in range(count)}  # fmt: skip
    _, notes, _ = own(tmp_path, files)
    assert notes == ["pictures of 4 sizes: 260x260 (3), 300x260 (2), 280x260 (1) and 1 more sizes; --um-per-px 0.1 was "
                     "used for all"]  # fmt: skip


def tiff(um_per_px, unit, description=""):
    """A TIFF that states its scale: unit 2 = inch, 3 = cm, 1 = the description says."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    length = {1: 1.0, 2: 25_400.0, 3: 10_000.0}[unit]
    tags[282] = tags[283] = TiffImagePlugin.IFDRational(round(length / um_per_px * 1000), 1000)
    tags[296] = unit
    if description:
        tags[270] = description
    return encoded(PIXELS, "TIFF", tiffinfo=tags)


@pytest.mark.parametrize(
    ("um_per_px", "unit", "description"),
    [(0.25, 2, ""), (0.25, 3, ""), (0.25, 1, "ImageJ=1.53\nunit=micron"), (0.0725, 3, ""), (0.25, 1, "unit=um")],
)
def test_scale_that_contradicts_the_files_is_said(um_per_px, unit, description, tmp_path):
    _, notes, _ = own(tmp_path, {"BAS/a.tif": tiff(um_per_px, unit, description), "BAS/b.png": picture(1)})
    assert notes == [f"1 of 2 pictures state another scale, such as {um_per_px:g} um per px, than --um-per-px 0.1, "
                     "which was used: check which is right"]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [tiff(0.1, 2), tiff(0.102, 3), tiff(352.8, 2), tiff(84.67, 3), tiff(0.25, 1), encoded(PIXELS, dpi=(96, 96))],
    ids=["the-same", "nearly-the-same", "72-dpi", "300-dpi", "unit-not-stated", "png-96-dpi"],
)
def test_scale_that_agrees_or_is_meant_for_a_printer_needs_no_word(content, tmp_path):
    assert own(tmp_path, {"BAS/a.tif": content})[1] == []


def test_scale_tags_that_are_nonsense_stop_nothing(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[282], tags[283], tags[296] = TiffImagePlugin.IFDRational(0, 1), TiffImagePlugin.IFDRational(1, 0), 9
    images, notes, _ = own(tmp_path, {"BAS/a.tif": encoded(PIXELS, "TIFF", tiffinfo=tags)})
    assert (len(images), notes) == (1, [])
