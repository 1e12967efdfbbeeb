"""The import itself: a resource takes batches in, writes them with COPY, and reports; and the way out."""
