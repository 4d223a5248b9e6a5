"""The wording of a benchmark: sentences rewritten by a language model or by rules, checked against what they must say;
words for negatives, proposed by a language model."""
