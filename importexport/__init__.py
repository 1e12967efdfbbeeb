"""The way of records in and out of files.

In:  bytes → reading (text, records) → headers (which column is which) → table (batches) → per batch and column
     columns + widgets (clean) → references (ids) → writing (COPY, first row wins) → report (faults by row).
Out: columns as SQL expressions → COPY TO → formats (CSV, XLSX), in chunks.
Doors — api, management/commands, admin — call service and nothing below it.
"""
