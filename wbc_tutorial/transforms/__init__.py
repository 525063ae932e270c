"""Transforms: what is done to images before a network sees them, in physical terms."""
