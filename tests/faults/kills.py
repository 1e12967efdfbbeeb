"""``python -m tests.faults.kills`` kills workers at random moments, and counts what is stored then.

With ``--network``, a worker is cut off from the network instead (needs root, for network namespaces).
"""

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rally.settings")


def main() -> None:
    options = arguments()
    django.setup()
    sys.exit((try_cuts if options.network else try_kills)(options))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills")
    parser.add_argument("--times", type=int, default=50, help="kills of each operation")
    parser.add_argument("--operations", default="plan,import,undo,export")
    parser.add_argument("--network", action="store_true", help="cut workers off from the network instead")
    parser.add_argument("--rows", type=int, default=10_000, help="contacts of a file")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    return parser.parse_args()


def try_kills(options: argparse.Namespace) -> bool:
    """Kill workers, and print what became of it; return whether anything was wrong."""
    from tests.faults.killing import Kills
    from tests.faults.works import Works, on_embedded_server

    with (
        on_embedded_server() as installation,
        tempfile.TemporaryDirectory() as folder,
        Works(installation) as works,
    ):
        return try_all(Kills(works, Path(folder), seed=options.seed, rows=options.rows), options)


def try_cuts(options: argparse.Namespace) -> bool:
    """Cut workers off, and print what became of it; return whether anything was wrong."""
    from tests.faults.network import Cuts, on_tcp_server, two_hosts, why_not
    from tests.faults.works import Works

    if reason := why_not():
        print(reason)
        return False
    with (
        two_hosts() as hosts,
        on_tcp_server(hosts) as installation,
        tempfile.TemporaryDirectory() as folder,
        Works(installation, workers=0) as works,
    ):
        cuts = Cuts(works, Path(folder), hosts, seed=options.seed, rows=options.rows)
        is_wrong = try_all(cuts, options)
        print(f"{cuts.ended} of the workers that were cut off ended, to be started again.")
        return is_wrong


def try_all(kills: Any, options: argparse.Namespace) -> bool:
    """Try all operations, and print what became of it; return whether anything was wrong."""
    for name in options.operations.split(","):
        kills.try_operation(name, options.times)
    print(f"{kills.table()}\n\nSeed {options.seed}; {len(kills.wrong())} wrong.")
    for what in kills.wrong() + kills.works.bugs():
        print(what, file=sys.stderr)
    return bool(kills.wrong() or kills.works.bugs())


if __name__ == "__main__":
    main()
