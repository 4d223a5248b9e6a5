"""The words of GQA's world, as tables of the project's own."""

from finecops.construction.words.gqa import copy_tables, gqa_lexicon, lexicon_from

__all__ = ["copy_tables", "gqa_lexicon", "lexicon_from"]
