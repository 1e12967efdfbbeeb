"""Changes of a file that somebody makes in its preview: made, checked at once, and kept with the run."""
