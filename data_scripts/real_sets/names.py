"""Names: of files, folders and laboratories; how they are printed, which are allowed, and when two are the same."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

__all__ = ["FileNames", "SUFFIXES", "escaped", "folded", "printable", "unusable_domain_name"]

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".dib", ".gif", ".webp", ".jp2", ".j2k",
            ".jpx", ".avif", ".ppm", ".pnm", ".tga", ".pcx", ".psd", ".qoi", ".sgi")  # fmt: skip
"""Endings of picture files, in small letters."""
_LEFT_TO_RIGHT = {chr(code) for code in (*range(0x200E, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
"""Invisible marks that turn the direction of the text: they make one name look like another."""
_DRIVE = re.compile(r"[A-Za-z]:")


def printable(text: str) -> str:
    r"""Write control characters, direction marks and bytes that are no text as escapes; all else stays.

    Examples
    --------
    >>> print(printable("a\nb\x1b[2J.png"))
    a\nb\x1b[2J.png
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter.encode("unicode_escape").decode()
        if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or letter in _LEFT_TO_RIGHT
        else letter
        for letter in text
    )


def escaped(name: str) -> str:
    r"""Write a name as `printable` does, so that the name can be told from what was written; ``\`` becomes ``\\``.

    Examples
    --------
    >>> print(escaped("a\nb"), escaped("a\\nb"))
    a\nb a\\nb
    """
    return printable(name.replace("\\", "\\\\"))


def unusable_domain_name(name: str) -> str | None:
    """Say why a laboratory cannot be called `name`; None when it can.

    A name stands in lists (``--train a,b``), in tables (``a+b``: both together) and in file names.

    Examples
    --------
    >>> unusable_domain_name("Zürich 2") is None
    True
    >>> unusable_domain_name("a+b")
    "it holds '+'"
    """
    if not name.strip():
        return "it is empty"
    if len(name) > 64:
        return f"it has {len(name)} letters, 64 are allowed"
    if name[0] in ".-" or name[-1] == "." or name != name.strip():
        return "it begins or ends with a dot, a hyphen or a blank"
    bad = next((letter for letter in name if letter in ',;+/\\:*?"<>|' or printable(letter) != letter), None)
    return None if bad is None else f"it holds {bad!r}"


def folded(name: str) -> str:
    """Return what is the same for names that differ only in case, outer blanks or the way accents are stored."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip()


def _exact(name: str) -> str:
    """Return the name with its accents stored in one way (macOS stores two characters, tables often one)."""
    return unicodedata.normalize("NFC", name).strip()


def _stem(name: str) -> str:
    """Return the file's name without the ending of a picture."""
    return next((name[: -len(end)] for end in SUFFIXES if name.lower().endswith(end)), name)


class FileNames:
    """The files of a folder, found by names as people write them in tables.

    A name fits a file when one of the two paths is the end of the other: ``a.png`` and ``/home/me/BAS/a.png`` both fit
    ``BAS/a.png``; a Windows path does, too. The first of these that fits any file decides: the same letters; other case
    or blanks; and, for names without the ending of a picture, both again without it.

    Parameters
    ----------
    files : iterable of str
        Paths below one folder, with forward slashes.
    """

    def __init__(self, files: Iterable[str]):
        self.files = list(files)
        self.present = set(self.files)
        self.tables: dict[tuple[bool, bool], dict[str, list[tuple[str, list[str]]]]] = {}

    def find(self, name: str) -> list[str]:
        """Return the files that `name` may mean: none, one, or several that it fits equally well."""
        if name in self.present:
            return [name]
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        if parts and _DRIVE.fullmatch(parts[0]):
            parts = parts[1:]
        if not parts or ".." in parts:
            return []
        without_ending = (False, True) if _stem(parts[-1]) == parts[-1] else (False,)
        for stems in without_ending:
            for fold in (False, True):
                if found := self._look_up(parts, fold, stems):
                    return found
        return []

    def _look_up(self, parts: list[str], fold: bool, stems: bool) -> list[str]:
        """Return the files whose path ends as `parts` do, or the other way round; of these the longest agreement."""
        wanted = _keys(parts, fold, stems)
        found: dict[int, list[str]] = defaultdict(list)
        for file, keys in self._table(fold, stems).get(wanted[-1], ()):
            shared = min(len(keys), len(wanted))
            if keys[-shared:] == wanted[-shared:]:
                found[len(parts) + 1 if keys == wanted else shared].append(file)
        return found[max(found)] if found else []

    def _table(self, fold: bool, stems: bool) -> dict[str, list[tuple[str, list[str]]]]:
        """Return last part -> files, made when it is first needed."""
        if (fold, stems) not in self.tables:
            table = self.tables[fold, stems] = defaultdict(list)
            for file in self.files:
                keys = _keys(file.split("/"), fold, stems)
                table[keys[-1]].append((file, keys))
        return self.tables[fold, stems]


def _keys(parts: list[str], fold: bool, stems: bool) -> list[str]:
    """Return the parts of a path as they are compared."""
    last = _stem(parts[-1]) if stems else parts[-1]
    return [folded(part) if fold else _exact(part) for part in (*parts[:-1], last)]
