"""The project: settings, database, URLs and server. It may import every app; no app imports it."""

import gc

# Run the garbage collector less often, from the start on. A batch consists of lists of tens of thousands of values,
# none of them in a reference cycle. Scanning them repeatedly took a fifth of an import's time in Python.
gc.set_threshold(50_000, 20, 20)
