"""Changing what is wrong with a file in its preview: cells, groups of errors, and the list of what was changed."""
