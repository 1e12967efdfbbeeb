"""How a worker is connected to the queue of procrastinate."""

import asyncio
from typing import Any

from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException
from psycopg import OperationalError
from psycopg.errors import RaiseException


class WatchedConnector(PsycopgConnector):
    """Executes a statement without a result, such as that a job is done, once more if the connection was lost; notes
    the first error of the second time."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.has_failed = asyncio.Event()
        self.error: ConnectorException | None = None

    async def execute_query_async(self, query: Any, **arguments: Any) -> None:
        """Execute a statement; raise ConnectorException."""
        try:
            await super().execute_query_async(query, **arguments)
        except ConnectorException as error:
            if not is_lost(error):
                raise
            await self._execute_again(query, arguments)

    async def _execute_again(self, query: Any, arguments: dict[str, Any]) -> None:
        try:
            await super().execute_query_async(query, **arguments)
        except ConnectorException as error:
            # It has been executed the first time, after all: procrastinate refuses to end a job twice.
            if isinstance(error.__cause__, RaiseException):
                return
            if is_lost(error):
                self.error = self.error or error
                self.has_failed.set()
            raise


def is_lost(error: ConnectorException) -> bool:
    """Whether the connection to the database was lost, or could not be had."""
    return isinstance(error.__cause__, OperationalError)
