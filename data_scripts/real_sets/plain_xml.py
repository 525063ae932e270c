"""XML from outside: read as plain elements; a document type is refused, because its entities can grow without end."""

from xml.etree import ElementTree
from xml.parsers import expat

__all__ = ["plain_xml", "refuse_document_type"]


class _Begun(Exception):
    """The first element was reached: what follows cannot declare entities."""


def refuse_document_type(content: bytes) -> None:
    """Raise where XML declares a document type, whatever its encoding; it is read as far as the first element.

    Raises
    ------
    ValueError
        It declares one. Other faults are left to the parser that reads the whole.
    """

    def declared(*_):
        raise ValueError("it declares a document type (<!DOCTYPE), which plain annotations do not")

    def begun(*_):
        raise _Begun

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = declared
    parser.StartElementHandler = begun
    try:
        parser.Parse(content, True)
    except (_Begun, expat.ExpatError, LookupError):  # LookupError: an encoding that does not exist
        return


def plain_xml(content: bytes) -> ElementTree.Element:
    """Return the root element of a small XML file.

    Raises
    ------
    ValueError
        It is no XML, or it declares a document type.
    """
    refuse_document_type(content)
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError) as problem:
        raise ValueError(f"it is no XML: {problem}") from None
