"""Databases in former states, for tests of migrations."""

import itertools
import os
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

#: App and name of a migration, the last one to be applied.
State = tuple[str, str | None]


def migrate(*states: State) -> Any:
    """Migrate to a state, or without one to that of today; return its models."""
    executor = MigrationExecutor(connection)
    return executor.migrate(list(states) or executor.loader.graph.leaf_nodes()).apps


def models_of(*states: State) -> Any:
    """Return the models of a state, or of that of today."""
    loader = MigrationExecutor(connection).loader
    return loader.project_state(list(states) or loader.graph.leaf_nodes()).apps


class FormerDatabases:
    """Databases for a test each, copied from one for each state.

    To migrate an empty database forward takes a fraction of the time that it takes to take migrations back.
    """

    def __init__(self, run_sql: Callable[[str], None], template: str) -> None:
        self._run_sql = run_sql
        self._usual = connection.settings_dict["NAME"]
        self._numbers = itertools.count()
        self._templates: dict[tuple[State, ...], str] = {(): template}
        self._made: list[str] = []

    def use(self, *states: State) -> Any:
        """Have the test use a database in a state, or without one in that of today; return the models of then."""
        if states not in self._templates:
            made = self._create(self._former(states))
            self._connect(made)
            migrate(*states)
            self._templates[states] = made
        self._connect(self._create(self._templates[states]))
        return models_of(*states)

    def _former(self, states: tuple[State, ...]) -> str:
        """Return the latest of the databases that can be migrated forward to a state; an empty one if there is none."""
        graph = MigrationExecutor(connection).loader.graph
        included = lambda several: {node for state in several for node in graph.forwards_plan(state)}  # noqa: E731
        wanted, best, found = included(states), -1, "template0"
        for former, name in self._templates.items():
            had = included(former)
            if former and had <= wanted and len(had) > best:
                best, found = len(had), name
        return found

    def end(self) -> None:
        """Have the next test use its usual database."""
        self._connect(self._usual)

    def drop(self) -> None:
        """Drop all of them."""
        for name in self._made:
            self._run_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _create(self, template: str) -> str:
        # What is copied must have no sessions.
        connection.close()
        self._made.append(f"rally_former_{os.getpid()}_{next(self._numbers)}")
        self._run_sql(f"CREATE DATABASE {self._made[-1]} TEMPLATE {template}")
        return self._made[-1]

    def _connect(self, name: str) -> None:
        connection.close()
        connection.settings_dict["NAME"] = name
