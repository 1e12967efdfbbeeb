"""``make bench`` compares the product with its peers in one interleaved run, on the same files, database and machine."""

import argparse
import http.client
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks import gen, load
from benchmarks.measure import in_child, median

MIB = 10
#: Clients that ask for exports at the same time.
EXPORTS = 40
#: The module of cases with a worker; how many files of each of two entities wait there; and tenants that import at once.
BACKGROUND, QUEUED = "benchmarks.background", 6
TENANTS = [f"tenant{number}" for number in range(5)]


def main():
    options = arguments()
    with Database() as url, tempfile.TemporaryDirectory() as folder:
        os.environ["DATABASE_URL"] = url
        bench = Bench(Path(folder), options)
        bench.prepare()
        try:
            for part in options.only.split(","):
                getattr(bench, part)()
        finally:
            print(bench.table())


def arguments():
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the larger file")
    parser.add_argument("--million", type=int, default=1_000_000, help="rows of the largest file")
    parser.add_argument(
        "--export-rows", type=int, default=450_000, help="rows of the export to measure the time to first byte with"
    )
    parser.add_argument(
        "--stock-rows", type=int, default=0, help="rows of the 10 MiB file to import with stock (0: all)"
    )
    parser.add_argument("--only", default="imports,sources,workbooks,updates,exports,scale,requests,load")
    return parser.parse_args()


class Database:
    """A temporary database on the configured server, or on the embedded one."""

    def __enter__(self):
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rally.settings")
        import django
        from django.db import connection

        django.setup()
        connection.ensure_connection()
        info = connection.connection.info
        self.connection, self.name = connection, f"rally_bench_{secrets.token_hex(4)}"
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.name}")
        login = info.user + (f":{info.password}" if info.password else "")
        return f"postgresql://{login}@/{self.name}?host={info.host}&port={info.port}"

    def __exit__(self, *_):
        self.connection.close()
        with self.connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {self.name} WITH (FORCE)")


class Bench:
    def __init__(self, folder, options):
        self.folder, self.options, self.lines = folder, options, []

    def prepare(self):
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], check=True)
        in_child("prepare")
        in_child("prepare_peer", settings="benchmarks.peer.settings")

    def file(self, name, **shape):
        path = self.folder / f"{name}.csv"
        if not path.exists():
            with path.open("wb", buffering=1 << 20) as file:
                counts = gen.write(file, "contacts", n_companies=1000, existing=5000, **shape)
            path.with_suffix(".json").write_text(json.dumps(counts))
        return path, json.loads(path.with_suffix(".json").read_text())

    def imports(self):
        """Import the 10 MiB file and the larger one with the product, its peers, and plain COPY."""
        for name, shape in (("10 MiB", {"mb": MIB}), (f"{self.options.rows:,} rows", {"n": self.options.rows})):
            path, counts = self.file(name.replace(" ", ""), **shape)
            runs = self._import_runs(path, counts, with_stock=name == "10 MiB")
            rows = {case: [{"rate": r["rows"] / r["wall"]} for r in done if "rows" in r] for case, done in runs.items()}
            rate = median(rows["product"], "rate")
            self.add(f"import {name}: product", f"{median(runs['product']):.2f} s, {rate:,.0f} rows/s", "")
            if rows.get("stock"):
                self.add(f"import {name}: rows/s against stock", ratio(rate, median(rows["stock"], "rate")), "≥ 80")
            self.add(f"import {name}: rows/s against tuned", ratio(rate, median(rows["tuned"], "rate")), "≥ 11")
            self.add(f"import {name}: time against COPY", ratio(median(runs["product"]), median(runs["copy"])), "≤ 2.8")
            self.add(f"import {name}: memory", f"{max(r['above'] for r in runs['product']):.0f} MB", "≤ 32 MB")

    def _import_runs(self, path, counts, *, with_stock):
        runs = {"product": [], "copy": [], "tuned": [], "stock": []}
        ready = path.with_suffix(".copy")
        for _ in range(self.options.repeats):
            in_child("reset")
            done = in_child("import_product", path)
            assert done["imported"] == counts["good"], (done, counts)
            runs["product"].append(done)
            in_child("ready_rows", ready)
            in_child("reset")
            runs["copy"].append(in_child("copy_in", ready))
            for case, resource in (("tuned", "ContactTuned"), ("stock", "ContactStock")):
                if case == "tuned" or with_stock:
                    in_child("reset")
                    limit = self.options.stock_rows if case == "stock" else 0
                    run = in_child("import_peer", path, resource, limit, settings="benchmarks.peer.settings")
                    runs[case].append(run)
            progress(path.stem, runs)
        return runs

    def sources(self):
        """Import contacts as HubSpot writes them, and the same ones as ours."""
        path, _ = self.file("updated", n=self.options.rows, bad=0)
        ours, theirs = self.folder / "ours.csv", self.folder / "theirs.csv"
        in_child("reset")
        in_child("import_product", path)
        in_child("export_both", "hubspot", ours, theirs)
        runs = {"strict": [], "hubspot": []}
        for _ in range(self.options.repeats):
            for case, file, source in (("strict", ours, "rally"), ("hubspot", theirs, "hubspot")):
                in_child("empty")
                runs[case].append(done := in_child("import_product", file, source))
                assert done["imported"] == self.options.rows + 5000, done
            progress("sources", runs)
        self.add(
            f"import {self.options.rows:,} rows of HubSpot's: time against the strict import",
            ratio(median(runs["hubspot"]), median(runs["strict"])),
            "≤ 1.3",
        )
        self.add("import of HubSpot's: memory", f"{max(r['above'] for r in runs['hubspot']):.0f} MB", "≤ 32 MB")

    def workbooks(self):
        """Import the same contacts from CSV and from XLSX."""
        path, _ = self.file("updated", n=self.options.rows, bad=0)
        plain, book = self.folder / "contacts.csv", self.folder / "contacts.xlsx"
        in_child("reset")
        in_child("import_product", path)
        in_child("export_files", plain, book)
        runs = {"csv": [], "xlsx": []}
        for _ in range(self.options.repeats):
            for case, file in (("csv", plain), ("xlsx", book)):
                in_child("empty")
                runs[case].append(done := in_child("import_product", file))
                assert done["imported"] == self.options.rows + 5000, done
            progress("workbooks", runs)
        name = f"import {self.options.rows:,} rows of XLSX"
        self.add(f"{name}: time against CSV", ratio(median(runs["xlsx"]), median(runs["csv"])), "≤ 1.5")
        self.add(f"{name}: memory", f"{max(r['above'] for r in runs['xlsx']):.0f} MB", "≤ 32 MB")
        self.add(f"{name}: memory of the process that reads it", f"{reader_mb(book):.0f} MB", "≤ 64 MB")

    def updates(self):
        """Upsert the larger file, half of which already exists, and undo imports and upserts."""
        path, _ = self.file("updated", n=self.options.rows, bad=0)
        older, limit = self.folder / "older.csv", self.options.stock_rows or 2000
        in_child("older_half", path, older)
        runs = {case: [] for case in ("create", "undo", "upsert", "back", "peer")}
        for _ in range(self.options.repeats):
            in_child("reset")
            runs["create"].append(in_child("import_product", path))
            runs["undo"].append(in_child("undo_product"))
            assert runs["undo"][-1]["counts"]["delete"] == self.options.rows, runs["undo"][-1]
            in_child("reset")
            in_child("import_product", older)
            runs["upsert"].append(done := in_child("upsert_product", path))
            # Blank cells change nothing, so a few records are unchanged.
            assert done["created"] == self.options.rows // 2 and done["updated"] > 0.45 * self.options.rows, done
            runs["back"].append(in_child("undo_product"))
            assert runs["back"][-1]["counts"]["update"] == done["updated"], runs["back"][-1]
            in_child("reset")
            runs["peer"].append(in_child("update_peer", older, path, limit, settings="benchmarks.peer.settings"))
            progress("updates", runs)
        name, create = f"{self.options.rows:,} rows", median(runs["create"])
        rates = {case: statistics.median(r["rows"] / r["wall"] for r in runs[case]) for case in ("upsert", "peer")}
        self.add(
            f"upsert {name}, half of them existing: time against create", ratio(median(runs["upsert"]), create), "≤ 2.5"
        )
        self.add("upsert: rows/s against stock's own update", ratio(rates["upsert"], rates["peer"]), "≥ 40")
        self.add("upsert: memory", f"{max(r['above'] for r in runs['upsert']):.0f} MB", "≤ 32 MB")
        self.add(f"undo {name}: time against their import", ratio(median(runs["undo"]), create), "≤ 1")
        self.add("undo: time of its plan against the import", ratio(median(runs["undo"], "planning"), create), "")
        back = ratio(median(runs["back"]), median(runs["upsert"]))
        self.add("undo of the upsert: time against the upsert", back, "≤ 1")
        above = max(run["above"] for run in runs["undo"] + runs["back"])
        self.add("undo: memory", f"{above:.0f} MB", "≤ 32 MB")

    def exports(self):
        """Export the larger file."""
        path, _ = self.file("exported", n=self.options.rows, bad=0)
        in_child("reset")
        in_child("import_product", path)
        out = self.folder / "out.xlsx"
        runs = {case: [] for case in ("csv", "copy", "xlsx", "floor", "openpyxl")}
        for _ in range(self.options.repeats):
            runs["copy"].append(in_child("copy_out"))
            runs["csv"].append(in_child("export_product", "csv"))
            runs["floor"].append(in_child("xlsx_floor", path, out))
            runs["xlsx"].append(in_child("export_product", "xlsx"))
            runs["openpyxl"].append(in_child("xlsx_openpyxl", path, out))
            progress("exports", runs)
        name = f"export {self.options.rows:,} rows"
        self.add(f"{name}: CSV", f"{median(runs['csv']):.2f} s", "")
        self.add(f"{name}: CSV against COPY TO", ratio(median(runs["csv"]), median(runs["copy"])), "≤ 3")
        self.add(f"{name}: XLSX", f"{median(runs['xlsx']):.2f} s", "")
        self.add(f"{name}: XLSX against the floor", ratio(median(runs["xlsx"]), median(runs["floor"])), "≤ 1.5")
        self.add(f"{name}: openpyxl against XLSX", ratio(median(runs["openpyxl"]), median(runs["xlsx"])), "≥ 5")

    def scale(self):
        """Compare ten thousand rows with a million, and only bad rows with only good ones; measure memory."""
        small, _ = self.file("10k", n=10_000)
        large, _ = self.file("million", n=self.options.million)
        good, _ = self.file("good", n=self.options.rows, bad=0)
        bad, _ = self.file("bad", n=self.options.rows, bad=1)
        runs = {case: [] for case in ("small", "large", "good", "bad")}
        for number in range(self.options.repeats):
            for case, path in (("small", small), ("good", good), ("bad", bad), ("large", large)):
                in_child("reset")
                runs[case].append(in_child("import_product", path))
                progress("scale", runs)
            if not number:
                memory = {kind: in_child("export_product", kind)["above"] for kind in ("csv", "xlsx")}
        rates = {case: statistics.median(r["rows"] / r["wall"] for r in done) for case, done in runs.items()}
        million = f"{self.options.million:,}"
        self.add(f"rows/s at {million} rows against 10,000", ratio(rates["large"], rates["small"]), "≥ 0.85")
        self.add("only bad rows: time against only good rows", ratio(median(runs["bad"]), median(runs["good"])), "≤ 1")
        self.add(f"import {million} rows: memory", f"{max(r['above'] for r in runs['large']):.0f} MB", "≤ 32 MB")
        for kind, above in memory.items():
            self.add(f"export {million} rows as {kind}: memory", f"{above:.0f} MB", "≤ 32 MB")

    def requests(self):
        """Measure the time to the first byte of a large export over HTTP, and the rate of small requests."""
        path, _ = self.file("export-rows", n=self.options.export_rows, bad=0)
        in_child("reset")
        in_child("import_product", path)
        with Server() as server:
            first = [server.first_byte("contacts/export") for _ in range(self.options.repeats)]
            excel = [server.first_byte("contacts/export/excel") for _ in range(self.options.repeats)]
            rates = {"bare": [], "product": []}
            for number in range(self.options.repeats + 1):
                for case, target in (("bare", "/bare"), ("product", "/api/v1/importexport/contacts/template")):
                    rate = server.rate(target)
                    if number:  # The first round is a warm-up.
                        rates[case].append(rate)
        rows = f"{self.options.export_rows:,} rows"
        self.add(f"first byte of a CSV export of {rows}", f"{statistics.median(first):.3f} s", "≤ 0.5 s")
        self.add(f"first byte of an XLSX export of {rows}", f"{statistics.median(excel):.3f} s", "≤ 0.5 s")
        bare, product = (statistics.median(rates[case]) for case in ("bare", "product"))
        self.add("small request against a bare DRF view", f"{product / bare:.2f} ({product:,.0f}/s)", "≥ 0.6")

    def load(self):
        """Measure small calls alone, and while as many exports of the same tenant are asked for at once; and the fairness
        of background work."""
        self._small_calls_with_exports()
        self.background()
        self.asynchronous()

    def _small_calls_with_exports(self):
        path, _ = self.file("exported", n=self.options.rows, bad=0)
        in_child("reset")
        in_child("import_product", path)
        runs, answers = {"alone": [], "loaded": []}, Counter()
        with Server() as server:
            for number in range(self.options.repeats + 1):
                alone = load.small_calls(server, seconds=3)
                with load.exports(server, EXPORTS) as answered:
                    time.sleep(2)
                    loaded = load.small_calls(server, seconds=10)
                if number:  # The first round is a warm-up.
                    runs["alone"].append({"rate": len(alone) / 3, "p99": load.p99(alone)})
                    runs["loaded"].append({"rate": len(loaded) / 10, "p99": load.p99(loaded)})
                    answers += answered
                print("load", runs, dict(answered), file=sys.stderr, flush=True)
        rates = {case: median(done, "rate") for case, done in runs.items()}
        p99 = {case: f"{median(done, 'p99') * 1000:.0f} ms" for case, done in runs.items()}
        name = f"small calls with {EXPORTS} exports asked for"
        self.add("small calls alone", f"{rates['alone']:,.0f}/s, p99 {p99['alone']}", "")
        self.add(name, f"{rates['loaded']:,.0f}/s", "≥ 300/s")
        self.add(f"{name}: p99", p99["loaded"], "≤ 100 ms")
        self.add(f"{name}: rate against alone", ratio(rates["loaded"], rates["alone"]), "")
        self.add("exports meanwhile", f"{answers['200']} complete, {answers['503']} × 503", "")

    def background(self):
        """Measure small plans of one tenant and small calls while another tenant's large files are planned, and imports
        of five tenants at once against one after the other."""
        files = self._background_files()
        in_child("new_tenants", "many", "few", *TENANTS, module=BACKGROUND)
        runs = {case: [] for case in ("alone", "beside", "calls alone", "calls", "turns", "at once")}
        with Server() as server:
            for number in range(self.options.repeats + 1):
                walls = self._small_plans(server, files)
                for case, slugs in (("turns", [[slug] for slug in TENANTS]), ("at once", [TENANTS])):
                    done = [in_child("imports", files["large"], *each, module=BACKGROUND) for each in slugs]
                    walls[case] = {"wall": sum(one["wall"] for one in done)}
                    in_child("discard", *TENANTS, module=BACKGROUND)
                for case, found in walls.items():
                    if number:  # The first round is a warm-up.
                        runs[case].append(found)
                print("background", walls, os.getloadavg(), file=sys.stderr, flush=True)
        name = f"plan of 300 rows while {2 * QUEUED} files of {MIB} MiB wait or are planned"
        self.add("plan of 300 rows in the background, alone", f"{median(runs['alone']):.2f} s", "")
        self.add(name, f"{median(runs['beside']):.2f} s", "≤ 1.5 s")
        self.add(f"{name}: slowest", f"{max(run['slowest'] for run in runs['beside']):.2f} s", "≤ 1.5 s")
        calls = {case: f"{median(runs[case], 'rate'):,.0f}/s" for case in ("calls alone", "calls")}
        p99 = f"{median(runs['calls'], 'p99') * 1000:.0f} ms"
        self.add(
            "small calls with files planned in the background", f"{calls['calls']} ({calls['calls alone']} alone)", ""
        )
        self.add("small calls with files planned in the background: p99", p99, "≤ 100 ms")
        at_once = ratio(median(runs["at once"]), median(runs["turns"]))
        self.add("five tenants' imports at once: time against one after the other", at_once, "≤ 1")

    def asynchronous(self):
        """Import a file with a request that waits for the result, and with one that has a worker do it."""
        path, counts = self.file("10MiB", mb=MIB)
        runs = {"waits": [], "does not": []}
        with Server() as server:
            for number in range(self.options.repeats + 1):
                for case, prefers in (("waits", ""), ("does not", "respond-async")):
                    in_child("reset")
                    start = time.perf_counter()
                    imported = server.import_file(path, prefer=prefers)
                    wall = time.perf_counter() - start
                    assert imported == counts["good"], (imported, counts)
                    if number:  # The first round is a warm-up.
                        runs[case].append({"wall": wall})
                print("asynchronous", runs, file=sys.stderr, flush=True)
        name = f"import of {MIB} MiB over HTTP"
        self.add(f"{name}, with the result in the response", f"{median(runs['waits']):.2f} s", "")
        figure = ratio(median(runs["does not"]), median(runs["waits"]))
        self.add(f"{name} by a worker: time until it is done against that", figure, "≤ 1.15")

    def _background_files(self):
        shapes = {
            "large": ("contacts", {"mb": MIB}),
            "companies": ("companies", {"mb": MIB}),
            "few": ("contacts", {"n": 300}),
        }
        files = {name: self.folder / f"{name}-background.csv" for name in shapes}
        for name, (entity, shape) in shapes.items():
            with files[name].open("wb") as file:
                gen.write(file, entity, n_companies=1000, existing=5000, **shape)
        return files

    def _small_plans(self, server, files):
        """Return the times of small plans, and of small calls, alone and beside another tenant's large files."""
        walls, queued = {}, ("contacts", files["large"], "companies", files["companies"])
        for plans, small in (("alone", "calls alone"), ("beside", "calls")):
            if plans == "beside":
                in_child("put_in_queue", "many", QUEUED, *queued, module=BACKGROUND)
            found = in_child("plans", "few", files["few"], 8, 0.5, module=BACKGROUND)["walls"]
            walls[plans] = {"wall": statistics.median(found), "slowest": max(found)}
            calls = load.small_calls(server, seconds=3)
            walls[small] = {"rate": len(calls) / 3, "p99": load.p99(calls)}
        in_child("until_idle", module=BACKGROUND)
        in_child("discard", "many", "few", module=BACKGROUND)
        return walls

    def add(self, what, figure, goal):
        self.lines.append((what, figure, goal))

    def table(self):
        return "\n".join(
            ["| what | measured | goal |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in self.lines)]
        )


class Server:
    """A server as started by ``make serve``, with an API key."""

    def __enter__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "PORT": str(self.port),
            "LOG_LEVEL": "INFO",
        }
        command = [sys.executable, "manage.py", "create_api_key", "bench", "--name", secrets.token_hex(4)]
        self.key = subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout.strip()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"], env=env, stdout=self.log, stderr=self.log
        )
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.1)
            else:
                return self
        raise SystemExit("the server did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def first_byte(self, target):
        """Return the seconds until the first byte of the body, then disconnect."""
        client = http.client.HTTPConnection("127.0.0.1", self.port)
        start = time.perf_counter()
        client.request("GET", f"/api/v1/importexport/{target}", headers={"X-Api-Key": self.key})
        client.getresponse().read(1)
        client.close()
        return time.perf_counter() - start

    def import_file(self, path, *, prefer=""):
        """Send a file of contacts, and return how many were imported when the import is done."""
        form = 'Content-Disposition: form-data; name="file"; filename="f.csv"\r\nContent-Type: text/csv\r\n\r\n'
        body = b"".join([b"--b\r\n", form.encode(), path.read_bytes(), b"\r\n--b--\r\n"])
        headers = {"Content-Type": "multipart/form-data; boundary=b"} | ({"Prefer": prefer} if prefer else {})
        client = http.client.HTTPConnection("127.0.0.1", self.port)
        answer, found = self._ask(client, "POST", "/api/v1/importexport/contacts/import", body, headers)
        if answer.status == 202:
            where = answer.headers["Location"]
            while found["status"] == "applying":
                # To ask more often would take the processor from the import.
                time.sleep(0.1)
                _, found = self._ask(client, "GET", where)
        client.close()
        return found["imported"]

    def _ask(self, client, method, path, body=None, headers=None):
        client.request(method, path, body, {"X-Api-Key": self.key} | (headers or {}))
        answer = client.getresponse()
        return answer, json.loads(answer.read())

    def rate(self, target, seconds=3.0):
        """Return the requests per second of some clients that reuse their connections."""
        return len(load.small_calls(self, target, seconds=seconds)) / seconds


def reader_mb(book):
    """Return the peak memory of the process that reads a workbook, in MB."""
    with open(book, "rb") as file:
        reader = subprocess.Popen(
            [sys.executable, "-m", "importexport.files.workbooks", ""], stdin=file, stdout=subprocess.DEVNULL
        )
        return os.wait4(reader.pid, 0)[2].ru_maxrss / 1024


def ratio(one, other):
    return f"{one / other:.2f}"


def progress(name, runs):
    last = {case: round(done[-1]["wall"], 2) for case, done in runs.items() if done}
    print(name, last, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
