"""Which parameter or option a misspelt name means."""

from collections.abc import Iterable

from rapidfuzz.distance import OSA

from importexport import errors
from importexport.files.header import fold_label

#: The length from which names of parameters are unlikely to be a single typing error away from another word.
LONG = 5


def meant(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a name means, or None: no hint is better than a wrong one.

    ``dryRun``, ``Dry-Run`` and ``dry_rnu`` mean ``dry_run``, and ``tag`` means ``tags``; ``model`` does not mean
    ``mode``.
    """
    return next((each for each in known if is_alike(fold_label(name), fold_label(each))), None)


def is_alike(name: str, known: str) -> bool:
    """Whether a folded name differs from a known one by nothing, by a plural, or by one error in a long name."""
    if name.removesuffix("s") == known.removesuffix("s"):
        return True
    return len(known) >= LONG and OSA.distance(name, known, score_cutoff=1) <= 1


def hint(name: str, known: Iterable[str]) -> str:
    """Return what to add to the message about an unknown name; empty if nothing is meant."""
    found = meant(name, known)
    return errors.did_you_mean("", [found]) if found else ""
