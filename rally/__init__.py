"""The project: settings, database, URLs and server. It may import every app; no app imports it."""
