"""Where the API is."""

#: What the paths of version 1 begin with.
BASE = "/api/v1/importexport"
