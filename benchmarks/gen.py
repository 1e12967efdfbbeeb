"""Deterministic CSV generator for the four entities.

    python gen.py contacts --rows 10000 --bad 0.02 --seed 1 > contacts.csv
    python gen.py contacts --mb 10 --bad 0.02 --out contacts.csv     # largest file <= 10 MiB

The same arguments produce the same bytes. `--bad` is the share of rows with an error; the kinds rotate. The counts that
a correct import must report are returned as well, so that a benchmark can check its result.
"""

import argparse
import csv
import io
import json
import random
import sys

COLUMNS = {
    "contacts": [
        "first_name",
        "last_name",
        "email",
        "phone",
        "mobile",
        "title",
        "department",
        "company_name",
        "address",
        "city",
        "state",
        "country",
        "postal_code",
        "lifecycle_stage",
        "lead_source",
        "tags",
        "notes",
    ],
    "companies": [
        "name",
        "domain",
        "industry",
        "description",
        "employee_count",
        "annual_revenue",
        "phone",
        "website",
        "address",
        "city",
        "state",
        "country",
        "postal_code",
        "tags",
        "notes",
    ],
    "deals": [
        "name",
        "value",
        "currency",
        "probability",
        "expected_close_date",
        "stage_name",
        "pipeline_name",
        "contact_email",
        "company_name",
        "notes",
    ],
    "activities": [
        "activity_type",
        "subject",
        "body",
        "scheduled_at",
        "completed_at",
        "status",
        "priority",
        "due_date",
        "contact_email",
        "company_name",
        "deal_name",
    ],
}
BAD = {
    "contacts": ["email", "dup_file", "dup_db", "missing", "company", "stage"],
    "companies": ["missing", "dup_file", "number"],
    "deals": ["missing", "date", "company", "contact", "number"],
    "activities": ["missing", "date", "type", "company", "status"],
}
STAGES = ["lead", "qualified", "opportunity", "customer", "evangelist"]

FIRST = [
    "James",
    "Mary",
    "Robert",
    "Patricia",
    "John",
    "Jennifer",
    "Michael",
    "Linda",
    "David",
    "Elizabeth",
    "Zoë",
    "Björn",
    "Søren",
    "Łukasz",
    "Ángel",
    "François",
    "Jürgen",
    "Çağla",
    "Šárka",
    "Nguyễn",
    "Ольга",
    "Дмитрий",
    "美咲",
    "浩",
    "지훈",
    "فاطمة",
    "Νίκος",
    "רחל",
    "Siobhán",
    "Müge",
    "Aroha",
    "Olúwaṣeun",
    "Priya",
    "Arjun",
    "Wei",
    "Hiroshi",
    "Chloé",
    "Renée",
    "Ivan",
    "Anaïs",
    "Émile",
    "José",
]
LAST = [
    "Smith",
    "Johnson",
    "Williams",
    "Brown",
    "Jones",
    "García",
    "Miller",
    "Davis",
    "Müller",
    "Schröder",
    "Østergård",
    "Nowak",
    "Kovač",
    "Dvořák",
    "Şahin",
    "O'Brien",
    "D'Angelo",
    "Nakamura",
    "田中",
    "佐藤",
    "김",
    "Иванов",
    "Петрова",
    "Παπαδόπουλος",
    "Al-Farsi",
    "Cohen",
    "Nguyễn",
    "Okafor",
    "Adébáyò",
    "Vandyke",
    "Lefèvre",
    "Muñoz",
    "Ferrari",
    "Andersson",
    "Virtanen",
    "Murphy",
    "Singh",
    "Patel",
    "Chen",
    "Wang",
]
ASCII = [
    "james",
    "mary",
    "robert",
    "linda",
    "david",
    "zoe",
    "bjorn",
    "lukasz",
    "angel",
    "olga",
    "misaki",
    "nikos",
    "priya",
    "wei",
    "chloe",
    "ivan",
]
MAIL = ["example.com", "example.org", "mail.example.net", "corp.example.co.uk", "acme-example.io"]
TITLES = [
    "Account Executive",
    "VP, Sales",
    "Chief Technology Officer",
    "Software Engineer",
    "Head of Operations",
    "Marketing Manager",
    "Geschäftsführer",
    "Directeur général",
    "Office Manager",
    "Procurement Lead",
]
DEPTS = ["Sales", "Engineering", "Marketing", "Finance", "Operations", "HR", "Legal", "Customer Success"]
CITIES = [
    ("Berlin", "Berlin", "Germany", "10115"),
    ("San Francisco", "CA", "United States", "94105"),
    ("São Paulo", "SP", "Brazil", "01310-100"),
    ("München", "Bayern", "Germany", "80331"),
    ("Kraków", "Małopolskie", "Poland", "30-001"),
    ("東京", "東京都", "Japan", "100-0001"),
    ("London", "England", "United Kingdom", "EC1A 1BB"),
    ("Montréal", "QC", "Canada", "H2Y 1C6"),
    ("Chicago", "IL", "United States", "60601"),
    ("Austin", "TX", "United States", "73301"),
]
STREETS = ["Main Street", "Market St, Suite", "Hauptstraße", "Rue de l'Église", "Oak Avenue", "Via Roma"]
SOURCES = ["web", "referral", "trade show", "cold call", "partner", "LinkedIn"]
TAGS = [
    "vip",
    "newsletter",
    "q3-campaign",
    "beta",
    "churn risk",
    "emea",
    "enterprise",
    "smb",
    "event: SaaStr",
    "do not call",
]
NOTES = [
    "Met at the conference, asked for a follow-up in two weeks.",
    "Prefers e-mail over phone.\nTime zone: CET, mornings only.",
    'Said "call me next quarter", budget is frozen until then.',
    "Decision maker for the EMEA roll-out; wants a demo, pricing, and a security questionnaire before June.",
    "Renewal due. Contract value 12,500 EUR.\r\n- sent the quote\r\n- waiting for legal",
    "Спросить про скидку, важно.",
]
CO_A = [
    "Acme",
    "Globex",
    "Initech",
    "Umbrella",
    "Stark",
    "Wayne",
    "Hooli",
    "Vandelay",
    "Wonka",
    "Cyberdyne",
    "Łódzka",
    "Nordström",
    "Müller",
    "Soylent",
]
CO_B = [
    "Industries",
    "Labs",
    "Systems",
    "Group",
    "Foods",
    "Logistics",
    "Consulting",
    "Médical",
    "Energy",
    "Partners",
    "Software",
    "Retail",
]
CO_C = ["Inc.", "GmbH", "LLC", "S.A.", "& Sons", "Ltd", "AG", "K.K."]
INDUSTRY = ["Software", "Retail", "Healthcare", "Manufacturing", "Food, Beverage & Tobacco", "Energy", "Logistics"]


def company_name(i):
    return f"{CO_A[i % 14]} {CO_B[i // 14 % 12]} {CO_C[i // 168 % 8]}" + (f" {i // 1344}" if i >= 1344 else "")


def existing_email(i):
    return f"existing{i}@{MAIL[i % 5]}"


def new_email(i):
    return f"{ASCII[i % 16]}.{ASCII[i // 16 % 16]}{i}@{MAIL[i * 7 % 5]}"


def _place(r):
    city, state, country, code = r.choice(CITIES)
    return f"{r.randrange(1, 999)} {r.choice(STREETS)} {r.randrange(1, 99)}", city, state, country, code


def _phone(r):
    return f"+{r.randrange(1, 98)} {r.randrange(100, 999)} {r.randrange(1000000, 9999999)}"


def _tags(r):
    return ",".join(r.sample(TAGS, r.choice((0, 0, 1, 2, 3))))


def _notes(r):
    return "" if r.random() < 0.6 else " ".join(r.sample(NOTES, r.choice((1, 1, 2))))


def _date(r):
    return f"2025-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}"


def contacts(i, r, bad, companies, existing):
    p = r.random
    addr, city, state, country, code = _place(r) if p() < 0.85 else ("", "", "", "", "")
    row = [
        r.choice(FIRST),
        r.choice(LAST),
        new_email(i),
        _phone(r) if p() < 0.9 else "",
        _phone(r) if p() < 0.5 else "",
        r.choice(TITLES) if p() < 0.9 else "",
        r.choice(DEPTS) if p() < 0.8 else "",
        company_name(r.randrange(companies)) if p() < 0.85 else "",
        addr,
        city,
        state,
        country,
        code,
        r.choice(STAGES) if p() < 0.95 else "",
        r.choice(SOURCES) if p() < 0.8 else "",
        _tags(r),
        _notes(r),
    ]
    if bad == "email":
        row[2] = r.choice(("not-an-email", f"a b{i}@example.com", f"{i}@", f"x{i}@example..com"))
    elif bad == "dup_db":
        row[2] = existing_email(r.randrange(existing))
    elif bad == "missing":
        row[r.choice((0, 1, 2))] = r.choice(("", "  "))
    elif bad == "company":
        row[7] = f"Unknown Corp {r.randrange(50)}"
    elif bad == "stage":
        row[13] = r.choice(("prospect", "hot lead"))
    return row


def companies(i, r, bad, n_companies, existing):
    p = r.random
    name = company_name(i)
    slug = f"c{i}.example.com"
    addr, city, state, country, code = _place(r)
    row = [
        name,
        slug,
        r.choice(INDUSTRY),
        _notes(r),
        str(r.randrange(1, 90000)) if p() < 0.9 else "",
        f"{r.randrange(10**4, 10**9)}.{r.randrange(100):02}" if p() < 0.7 else "",
        _phone(r),
        f"https://www.{slug}/",
        addr,
        city,
        state,
        country,
        code,
        _tags(r),
        _notes(r),
    ]
    if bad == "missing":
        row[0] = ""
    elif bad == "number":
        row[4] = "about 50"
    return row


def deals(i, r, bad, n_companies, existing):
    row = [
        f"{company_name(r.randrange(n_companies))} – {r.choice(INDUSTRY)} #{i}",
        f"{r.randrange(100, 10**6)}.{r.randrange(100):02}",
        r.choice(("USD", "EUR", "GBP")),
        str(r.randrange(101)),
        _date(r),
        r.choice(("Lead", "Qualified", "Proposal", "Negotiation")),
        "Sales Pipeline",
        existing_email(r.randrange(existing)),
        company_name(r.randrange(n_companies)),
        _notes(r),
    ]
    if bad == "missing":
        row[0] = ""
    elif bad == "date":
        row[4] = r.choice(("15/06/2025", "2025-02-30", "next week"))
    elif bad == "company":
        row[8] = "Unknown Corp"
    elif bad == "contact":
        row[7] = "nobody@example.com"
    elif bad == "number":
        row[1] = "$1,000"
    return row


def activities(i, r, bad, n_companies, existing):
    done = r.random() < 0.5
    row = [
        r.choice(("call", "meeting", "task", "email", "note")),
        f"{r.choice(TITLES)} follow-up {i}",
        _notes(r),
        f"{_date(r)}T{r.randrange(24):02}:30:00Z",
        f"{_date(r)}T{r.randrange(24):02}:45:00+02:00" if done else "",
        "completed" if done else "pending",
        r.choice(("low", "normal", "high", "urgent")),
        _date(r),
        existing_email(r.randrange(existing)),
        company_name(r.randrange(n_companies)),
        "",
    ]
    if bad == "missing":
        row[1] = ""
    elif bad == "date":
        row[3] = "06/15/2025 2pm"
    elif bad == "type":
        row[0] = "fax"
    elif bad == "company":
        row[9] = "Unknown Corp"
    elif bad == "status":
        row[5] = "done-ish"
    return row


ROW = {"contacts": contacts, "companies": companies, "deals": deals, "activities": activities}
DUP_COLUMN = {"contacts": 2, "companies": 0}


def rows(entity, n, bad=0.02, seed=1, n_companies=1000, existing=5000, kinds=None):
    """Yield each row and its kind of error, or None."""
    r = random.Random(f"{entity}/{seed}")
    kinds = BAD[entity] if kinds is None else kinds
    make, dup_col, k, good = ROW[entity], DUP_COLUMN.get(entity), 0, []
    for i in range(n):
        kind = kinds[k % len(kinds)] if r.random() < bad else None
        k += kind is not None
        row = make(i, r, kind, n_companies, existing)
        if kind == "dup_file":
            if good:
                row[dup_col] = r.choice(good)
            else:
                kind = None
        if kind is None and dup_col is not None and (len(good) < 1000 or r.random() < 0.01):
            good.append(row[dup_col]) if len(good) < 5000 else None
        yield row, kind


def write(out, entity, n=None, mb=None, **kw):
    """Write a file; return the numbers of rows, bytes, bad and good rows, and bad rows by kind."""
    buf = io.StringIO()
    w = csv.writer(buf)
    w.writerow(COLUMNS[entity])
    size, limit, counts, total = len(buf.getvalue()), (mb or 0) * 1024 * 1024, {}, 0
    out.write(buf.getvalue().encode())
    for row, kind in rows(entity, n or 10**9, **kw):
        buf.seek(0), buf.truncate()
        w.writerow(row)
        line = buf.getvalue().encode()
        if mb and size + len(line) > limit:
            break
        out.write(line)
        size += len(line)
        total += 1
        if kind:
            counts[kind] = counts.get(kind, 0) + 1
    bad = sum(counts.values())
    return {"rows": total, "bytes": size, "bad": bad, "good": total - bad, "kinds": counts}


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("entity", choices=list(COLUMNS))
    a.add_argument("--rows", type=int)
    a.add_argument("--mb", type=float)
    a.add_argument("--bad", type=float, default=0.02)
    a.add_argument("--kinds", help="comma-separated subset of the kinds of errors")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--companies", type=int, default=1000, help="companies in the database")
    a.add_argument("--existing", type=int, default=5000, help="contacts in the database")
    a.add_argument("--out")
    o = a.parse_args()
    if not o.rows and not o.mb:
        a.error("--rows or --mb")
    out = open(o.out or 1, "wb", buffering=1 << 20)
    info = write(
        out,
        o.entity,
        o.rows,
        o.mb,
        bad=o.bad,
        seed=o.seed,
        n_companies=o.companies,
        existing=o.existing,
        kinds=o.kinds.split(",") if o.kinds else None,
    )
    out.flush()
    print(json.dumps(info), file=sys.stderr)
