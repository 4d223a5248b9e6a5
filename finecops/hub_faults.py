"""What the Hub's refusals mean, in words: for datasets and for weights."""

from __future__ import annotations


def hub_fault(error: Exception, shown: str, what: str, revision: str | None) -> str | None:
    """Why the Hub does not give something, and what to do; None where it is not the Hub that refuses.

    Args:
        error: what `huggingface_hub` raised.
        shown: the id, as messages show it.
        what: `dataset` or `model`.
        revision: the branch, tag or commit that was asked for.
    """
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return (
            f"{shown}: the Hub gives it only to users who accepted its terms. Accept them on its page, then log in: "
            "`hf auth login`"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{shown}: the Hub has no revision {revision!r} of it"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"{shown}: the Hub has no such {what}, or it is private (`hf auth login`)"
    return None
