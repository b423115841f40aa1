"""Counts the words of texts."""

from .words import Tally, words_of

__all__ = ["Tally", "words_of"]
