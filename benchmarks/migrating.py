"""``python -m benchmarks.migrating`` measures how long migrations take, and how long they keep others waiting.

A database is filled as of an earlier version and migrated, while another connection reads and writes single rows of
each table all the time. The longest wait of a read and of a write is how long the table was locked.
"""

import argparse
import os
import re
import subprocess
import sys
import threading
import time

import psycopg
from psycopg import sql

from benchmarks.__main__ import Database

#: What is measured: the migrations after these.
BEFORE = [("crm", "0007_external_id_indexes"), ("importexport", "0012_kept_bytes")]
TABLES = (
    *("crm_contact", "crm_company", "crm_deal", "crm_activity", "crm_stage"),
    *("importexport_importrun", "importexport_rowchange", "importexport_skippedrow"),
)
#: Seconds between two rounds of reads and writes.
PACE = 0.005

READ = sql.SQL("SELECT id FROM {} LIMIT 1")
#: Takes the lock that every writer needs, and leaves the rows alone.
WRITE = sql.SQL("DELETE FROM {} WHERE false")

FILL = """
INSERT INTO crm_tenant (slug, name, currency, timezone) VALUES ('acme', 'Acme', 'USD', 'UTC');
INSERT INTO crm_pipeline (tenant_id, name, name_key, is_default) SELECT id, 'Sales', 'sales', true FROM crm_tenant;
INSERT INTO crm_stage (tenant_id, pipeline_id, name, name_key, probability, position)
    SELECT tenant_id, id, 'Lead', 'lead', 10, 0 FROM crm_pipeline;
INSERT INTO crm_company (tenant_id, name, name_key, domain, domain_key, industry, description, phone, website, address,
        city, state, country, postal_code, tags, notes)
    SELECT t.id, 'Company ' || n, 'company ' || n, '', '', '', '', '', '', '', '', '', '', '', '{{}}', ''
    FROM crm_tenant t, generate_series(1, {contacts} / 10) n;
INSERT INTO crm_contact (tenant_id, company_id, first_name, last_name, email, email_key, phone, mobile, title,
        department, address, city, state, country, postal_code, lifecycle_stage, lead_source, tags, notes)
    SELECT c.tenant_id, c.id, 'Ada', 'Lovelace ' || n, 'ada' || n || '.' || c.id || '@example.com',
        'ada' || n || '.' || c.id || '@example.com', '+44 20 7946 0000', '', 'Countess', '', '12 St James Square',
        'London', '', 'UK', 'SW1Y', 'lead', 'web', '{{a,b}}', '' FROM crm_company c, generate_series(1, 10) n;
INSERT INTO crm_deal (tenant_id, company_id, contact_id, stage_id, pipeline_id, name, name_key, currency, probability,
        notes)
    SELECT c.tenant_id, c.company_id, c.id, s.id, s.pipeline_id, 'Deal ' || c.id, 'deal ' || c.id, 'USD', 10, ''
    FROM crm_contact c, crm_stage s WHERE c.id % 10 = 0;
INSERT INTO crm_activity (tenant_id, contact_id, company_id, activity_type, subject, subject_key, body, status,
        priority)
    SELECT tenant_id, id, company_id, 'call', 'Call ' || id, 'call ' || id, '', 'pending', 'normal'
    FROM crm_contact WHERE id % 5 = 0;
INSERT INTO importexport_importrun (id, tenant_id, entity, door, status, actor, file_name, sha256, rows_done,
        bytes_done, total_rows, imported, skipped, header, fault, groups, sample)
    SELECT gen_random_uuid(), id, 'contacts', 'api', 'done', 'ci', 'a.csv', '', 0, 0, 0, 0, 0, '{{}}', '', '[]', '[]'
    FROM crm_tenant, generate_series(1, 10);
INSERT INTO importexport_rowchange (run_id, number, action, entity, record, changes, note)
    SELECT r.id, n, 'update', 'contacts', n, '{{"city": ["London", "Paris"]}}', ''
    FROM importexport_importrun r, generate_series(1, {changes} / 10) n;
INSERT INTO importexport_skippedrow (run_id, number, cells, faults)
    SELECT r.id, n, '["Ada", "ada"]', '[["email", "email", "Invalid email format"]]'
    FROM importexport_importrun r, generate_series(1, {changes} / 100) n;
"""


def main():
    options = arguments()
    with Database() as url:
        for app, name in BEFORE:
            migrate(url, app, name)
        with psycopg.connect(url, autocommit=True) as filling:
            counts = {"contacts": sql.Literal(options.contacts), "changes": sql.Literal(options.changes)}
            filling.execute(sql.SQL(FILL).format(**counts))
            filling.execute("VACUUM ANALYZE")
        if options.after:
            migrate(url, *options.after.split(".", 1))
        with Probe(url) as probe:
            told = migrate(url)
    print("| migration | seconds |\n|---|---|")
    for name, seconds in APPLIED.findall(told):
        print(f"| {name} | {float(seconds):.1f} |")
    print("\n| table | longest wait to read, ms | longest wait to write, ms |\n|---|---|---|")
    for table in TABLES:
        print(f"| {table} | {probe.longest['read', table] * 1e3:.0f} | {probe.longest['write', table] * 1e3:.0f} |")


def arguments():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.migrating")
    parser.add_argument("--contacts", type=int, default=1_000_000, help="contacts; a tenth as many companies and deals")
    parser.add_argument(
        "--changes", type=int, default=1_000_000, help="changes in the row log; a tenth as many rejected rows"
    )
    parser.add_argument("--after", metavar="APP.NAME", help="measure only the migrations after this one")
    return parser.parse_args()


def migrate(url, *target):
    """Migrate a database to a state, by default the latest; return what Django tells of it."""
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "2", *target]
    environ = {**os.environ, "DATABASE_URL": url}
    return subprocess.run(command, check=True, env=environ, stdout=subprocess.PIPE, text=True).stdout


#: A migration of ours, and its seconds.
APPLIED = re.compile(r"Applying ((?:crm|importexport)\S+)\.\.\. OK \((\S+)s\)")


class Probe(threading.Thread):
    """Reads and writes single rows of each table, and notes the longest wait."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self._url, self._is_over = url, threading.Event()
        self.longest = {(way, table): 0.0 for way in ("read", "write") for table in TABLES}

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self.join()

    def run(self):
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._is_over.wait(PACE):
                for table in TABLES:
                    for way, statement in (("read", READ), ("write", WRITE)):
                        self._ask(connection, way, table, statement.format(sql.Identifier(table)))

    def _ask(self, connection, way, table, statement):
        start = time.perf_counter()
        connection.execute(statement)
        self.longest[way, table] = max(self.longest[way, table], time.perf_counter() - start)


if __name__ == "__main__":
    main()
