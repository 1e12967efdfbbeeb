"""A shell in which the tests run the commands."""

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.installation import ROOT, Installation


@dataclass
class Shell:
    """A shell in its own directory, with a tenant."""

    installation: Installation
    slug: str
    folder: Path

    def manage(self, *args, **options):
        done = self.installation.manage(*map(str, args), **options)
        assert "Traceback" not in str(done.stderr)
        return done

    def command(self, name, entity, *args):
        return [name, entity, *map(str, args), "--tenant", self.slug]

    def start(self, *args, **options):
        """Start a command without waiting for it. It can be interrupted even if the tests ignore SIGINT."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=self.installation.env | options.pop("env", {}),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - there are no threads
            **options,
        )

    def write(self, content, name="file.csv"):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def import_csv(self, content, *options, entity="companies"):
        return self.manage(*self.command("import", entity, self.write(content), *options))

    def refuses(self, *args, **options):
        """Return the only line of stderr of a command with status 2, which prints and stores nothing."""
        before = self.names()
        done = self.manage(*args, **options)
        assert (done.returncode, done.stdout) == (2, "")
        assert self.names() == before
        (line,) = done.stderr.splitlines()
        return line

    def names(self):
        with self.installation.connect() as connection:
            return [name for (name,) in connection.execute("SELECT name FROM crm_company ORDER BY id").fetchall()]

    def my_names(self):
        query = "SELECT c.name FROM crm_company c JOIN crm_tenant t ON t.id = tenant_id WHERE slug = %s ORDER BY c.id"
        with self.installation.connect() as connection:
            return [name for (name,) in connection.execute(query, [self.slug]).fetchall()]

    def store(self, count):
        """Store companies without a command."""
        query = (
            "INSERT INTO crm_company (tenant_id, name, name_key, domain, domain_key, industry, description, phone,"
            " website, address, city, state, country, postal_code, tags, notes) SELECT id, 'Company ' || n,"
            " 'company ' || n, '', '', '', '', '', '', '', '', '', '', '', '{}', '' FROM crm_tenant,"
            " generate_series(1, %s) n WHERE slug = %s"
        )
        with self.installation.connect() as connection:
            connection.execute(query, [count, self.slug])
