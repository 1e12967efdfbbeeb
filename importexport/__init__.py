"""The way of customer records in and out of files. The map:

In:   files/    bytes → a header → batches of rows; what a file is, which column is which
      columns/  a batch, one column at a time: prepared, cleaned by its widget, references looked up
      engine/   the importers store each batch with COPY (the first row wins; an upsert finds, compares and changes),
                and tell what became of it to a list of observers: report, recorder, rejected rows, progress
Out:  engine/export   columns as SQL expressions → COPY TO → CSV or XLSX, in chunks
Said once: resources    every column of the four entities, as django-import-export's resources
           errors       every sentence that a user is told
           db           what goes past Django to PostgreSQL: COPY, look-ups by index, locks
Kept: models/   import runs, the log of their rows, what the API remembers of requests
      history/  a run written down and read again: recorder, row log, plan check, repairs, undo
Used: services  import a file, export an entity, give a template: what every channel calls
      runs/     an import as its user knows it: planned, applied, undone, forgotten; work that outlives a request
Channels: api/, admin/, management/   thin, and none knows another; http/ is what they share of HTTP

Imports go down this way only; pyproject.toml's layers hold them.
"""
