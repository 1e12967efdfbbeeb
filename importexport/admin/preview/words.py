"""What an import with updates would do, or has done, in words: records added, updated and left as they are."""

from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from importexport.admin import labels
from importexport.models import ImportRun


class Effects(NamedTuple):
    """How many records an import adds, updates, and finds to be as its file has them."""

    entity: str
    added: int
    updated: int
    unchanged: int

    @classmethod
    def of(cls, run: ImportRun) -> "Effects":
        """Return the effects of a run."""
        return cls(run.entity, *(run.counts.get(action, 0) for action in ("create", "update", "unchanged")))

    @property
    def button(self) -> str:
        """What confirming does: ``Update 117 contacts``; empty if it would change nothing."""
        counts = {"added": labels.grouped(self.added), "updated": labels.grouped(self.updated)}
        if self.added and self.updated:
            return _("Add %(added)s and update %(updated)s") % counts
        if self.updated:
            return _("Update %(records)s") % {"records": labels.counted(self.entity, self.updated)}
        return _("Add %(records)s") % {"records": labels.counted(self.entity, self.added)} if self.added else ""

    @property
    def would(self) -> str:
        """What would be stored, in a sentence."""
        if self.added and self.updated:
            return _("%(added)s would be added, %(updated)s would be updated.") % self._counted
        if self.updated:
            return _("%(updated)s would be updated.") % self._counted
        return _("%(added)s would be added.") % self._counted if self.added else _("Nothing would change.")

    @property
    def did(self) -> str:
        """What was stored, in a sentence."""
        if self.added and self.updated:
            return _("%(added)s added, %(updated)s updated.") % self._counted
        if self.updated:
            return _("%(updated)s updated.") % self._counted
        return _("%(added)s added.") % self._counted if self.added else _("Nothing has changed.")

    @property
    def same(self) -> str:
        """Which records are as the file has them, in a sentence; empty if none are."""
        if not self.unchanged:
            return ""
        text = ngettext(
            "%(records)s is already as in the file.", "%(records)s are already as in the file.", self.unchanged
        )
        return text % {"records": labels.counted(self.entity, self.unchanged)}

    @property
    def _counted(self) -> dict[str, str]:
        updated = labels.grouped(self.updated) if self.added else labels.counted(self.entity, self.updated)
        return {"added": labels.counted(self.entity, self.added), "updated": updated}
