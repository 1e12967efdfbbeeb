"""Real faults: cut connections, killed backends, servers and workers, and a full disk."""
