"""Import and export of customer records. An overview:

Import:   files/     bytes → header → batches of rows
          sources/   what other programs write: recognised by their headers, and read as our columns
          columns/   the cells of a batch, one column at a time: prepared, cleaned by widgets, references looked up
          engine/    importers store each batch with COPY (the first row wins; an upsert finds, compares and updates)
                     and pass its outcome to observers: report, recorder, rejected rows, progress
Export:   engine/export   columns as SQL expressions → COPY TO → CSV or XLSX, in chunks
Shared:   resources       all columns of the four entities, as resources of django-import-export
          errors          all messages about files and rows
          db              direct access to PostgreSQL: COPY, index look-ups, locks, leases, retries
Files:    files/storage   uploads, in a folder or a bucket; history/uploads stores them with their runs
Records:  models/    import runs, their row logs, state of the API
          history/   writing and reading them: recorder, row log, plan check, corrections, undo
          mappings   how files of other programs are read, saved by name
Use:      services   import a file, say what it would be read as, export an entity, create a template; for all channels
          runs/      the life cycle of a run: planned, applied, undone, purged; the queue, and the worker
Channels: api/, admin/, management/   independent of each other; http/ has what they share
Outside:  net/       requests to other hosts; webhooks/ tells programs of the ends of runs; schedules/ has what fetches
                     and sends files at certain times, which runs/ starts

Imports go one way, enforced by the layers in pyproject.toml: channels → runs → services → history and mappings →
resources and models → engine → columns → db → sources → files → errors.
"""
