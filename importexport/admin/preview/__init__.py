"""Parts of the preview and the result of a run."""
