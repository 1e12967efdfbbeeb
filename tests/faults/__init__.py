"""Real errors: connections that are cut, backends, servers and workers that are killed, a disk that is full."""
