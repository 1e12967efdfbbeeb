"""``python -m benchmarks.faults`` measures how soon the service recovers from faults, and what it responds until then."""

import argparse
import os
import random
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rally.settings")


def main():
    options = arguments()
    import django

    django.setup()
    from tests.faults.rounds import Rounds
    from tests.faults.site import Site

    with Site() as site:
        print(recovery_table(site, options), flush=True)
        print(f"\nRandom faults, seed {options.seed}:\n", flush=True)
        rounds = Rounds(site, seed=options.seed)
        rounds.all(options.rounds)
        print(rounds.table())
        harms = ", ".join(f"{count} × {name}" for name, count in rounds.harms().items())
        print(f"\n{len(rounds.done)} faults ({harms}); {len(rounds.wrong())} wrong responses or records.")
        print("\n".join(rounds.wrong()), file=sys.stderr)
    sys.exit(bool(rounds.wrong()))


def arguments():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults")
    parser.add_argument("--rounds", type=int, default=20, help="random faults per operation")
    parser.add_argument("--repeats", type=int, default=3, help="repetitions of each fault")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    return parser.parse_args()


def recovery_table(site, options):
    """Return a table of the time after each fault until all responses are correct again."""
    from tests.faults.recovery import CLIENTS, TENANTS, watch
    from tests.faults.site import end_session, kill_backend, kill_postmaster, restart

    lines = [
        f"{TENANTS * CLIENTS} clients of {TENANTS} tenants send requests; seconds until the last wrong response.\n",
        "| fault | PostgreSQL unavailable | since the fault | since its return (goal ≤ 2) | responses | /readyz correct |",
        "|---|---|---|---|---|---|",
    ]
    for harm in (end_session, kill_backend, restart, kill_postmaster):
        for _ in range(options.repeats):
            found = watch(site, harm)
            answers = ", ".join(
                f"{status or 'disconnected'}: {count}" for status, count in sorted(found.statuses.items())
            )
            agreed = f"{found.spans - found.lies} of {found.spans} spans"
            times = f"{found.away:.2f} | {found.since_fault:.2f} | {found.since_return:.2f}"
            lines.append(f"| {harm.__name__.replace('_', ' ')} | {times} | {answers} | {agreed} |")
            print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
