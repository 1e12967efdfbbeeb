"""The way of records in and out of files.

In:  bytes → reading (text, records) → headers (which column is which) → table (batches) → per batch and column
     columns + widgets (clean) → references (ids) → writing (COPY, first row wins) → report (faults by row).
Out: columns as SQL expressions → COPY TO → formats (CSV, XLSX), in chunks.
Kept: a journal of every import (models.ImportRun), written in its own transaction. jobs does the work that outlives a
     request; runs is an import as a user of the admin knows it: brought, checked, confirmed, looked at, forgotten.
Doors — api, management/commands, admin — call service (the admin: runs), and nothing below it.
"""
