"""Starts schedules when they are due, for as long as a worker runs."""

from importexport.runs.lookout import Lookout
from importexport.runs.schedules import start_due

#: Seconds between two looks at what is due.
PACE = 5.0


class Timetable(Lookout):
    """Starts what is due."""

    def __init__(self) -> None:
        super().__init__("timetable", pace=PACE, cannot="Schedules cannot be started", doing="starting schedules")

    def work(self) -> None:
        start_due()
