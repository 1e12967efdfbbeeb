"""The way of records in and out of files.

In:  bytes → reading (text, records) → headers (which column is which) → table (batches) → per batch and column
     columns + widgets (clean) → references (ids) → writing (COPY, first row wins) → report (errors by row).
     Where rows may be records already (options): upserting + merging find, compare and change them, making makes what
     they refer to. lookups says how records are looked up; outcome is what became of a batch. db has what goes past
     Django to PostgreSQL: COPY, and the locks by which imports take turns.
Out: columns as SQL expressions → COPY TO → formats (CSV, XLSX), in chunks.
Kept: a recorder of every import (models.ImportRun) and a row log of its rows, written (keeping) in its own transaction.
     plans tells whether an import does what its plan said, differing what has changed; suggesting finds the names that
     were meant; families adds up a file and its corrected rows; undoing + reverting take an import back.
     jobs does the work that outlives a request, and caretaker takes up what was left of it; runs is an import as its
     user knows it: brought, planned, applied, undone, forgotten.
Channels — api, management/commands, admin — call service and runs, and show what the row log says.
"""
