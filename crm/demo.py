"""Sample records for demonstrations."""

import datetime as dt
import random

from crm.models import Activity, Company, Contact, Deal, Stage, Tenant

FIRST = "Ada Grace Alan Linus Margaret Katherine Dennis Barbara Edsger Radia Tim Hedy John Frances Ken Jean".split()  # noqa: SIM905 - one line
LAST = "Lovelace Hopper Turing Hamilton Johnson Ritchie Liskov Perlman García Müller Nowak Okafor Tanaka".split()  # noqa: SIM905
KINDS = ["Software", "Logistics", "Healthcare", "Retail", "Energy", "Food & Beverage"]
NAMES = ["Acme", "Globex", "Initech", "Umbra", "Northwind", "Contoso", "Vandelay", "Hooli", "Soylent", "Nordström"]
SUFFIXES = ["Industries", "Labs", "Systems", "Foods", "Partners", "Group"]
PLACES = [
    ("Berlin", "Berlin", "Germany", "10115"),
    ("London", "England", "United Kingdom", "EC1A 1BB"),
    ("Austin", "TX", "United States", "73301"),
    ("Kraków", "Małopolskie", "Poland", "30-001"),
    ("São Paulo", "SP", "Brazil", "01310-100"),
]
TITLES = ["Head of Sales", "Chief Technology Officer", "Buyer", "Office Manager", "Engineer"]
TAGS = ["vip", "newsletter", "partner", "trial", "emea"]
SUBJECTS = ["First call", "Demo", "Send the quote", "Follow up", "Contract review"]
TODAY = dt.datetime(2026, 1, 15, 9, 0, tzinfo=dt.UTC)


def create_demo_records(tenant: Tenant) -> dict[str, int]:
    """Fill an empty tenant with a few hundred records, the same ones every time. Return the number per entity."""
    chance = random.Random(1)  # noqa: S311 - nothing secret
    companies = Company.objects.bulk_create(_companies(tenant, chance))
    contacts = Contact.objects.bulk_create(_contacts(tenant, companies, chance))
    deals = Deal.objects.bulk_create(_deals(tenant, contacts, chance))
    activities = Activity.objects.bulk_create(_activities(tenant, deals, chance))
    return {
        "companies": len(companies),
        "contacts": len(contacts),
        "deals": len(deals),
        "activities": len(activities),
    }


def _place(chance: random.Random) -> dict[str, str]:
    city, state, country, postal_code = chance.choice(PLACES)
    address = f"{chance.randrange(1, 200)} {chance.choice(['Main Street', 'Oak Avenue', 'Market Square'])}"
    return {"address": address, "city": city, "state": state, "country": country, "postal_code": postal_code}


def _companies(tenant: Tenant, chance: random.Random) -> list[Company]:
    names = [f"{name} {suffix}" for suffix in SUFFIXES for name in NAMES]
    return [
        Company(
            tenant=tenant,
            name=name,
            domain=f"{name.lower().replace(' ', '-').replace('ö', 'o')}.example",
            industry=chance.choice(KINDS),
            employee_count=chance.randrange(5, 5000),
            annual_revenue=chance.randrange(10**5, 10**8),
            phone=f"+1 555 {chance.randrange(1000000, 9999999)}",
            website=f"https://{name.lower().replace(' ', '-').replace('ö', 'o')}.example",
            tags=chance.sample(TAGS, chance.randrange(3)),
            **_place(chance),
        )
        for name in names
    ]


def _contacts(tenant: Tenant, companies: list[Company], chance: random.Random) -> list[Contact]:
    people = [(first, last) for first in FIRST for last in LAST]
    return [
        Contact(
            tenant=tenant,
            first_name=first,
            last_name=last,
            email=f"contact{number}@{companies[number % len(companies)].domain}",
            phone=f"+1 555 {chance.randrange(1000000, 9999999)}",
            title=chance.choice(TITLES),
            company=companies[number % len(companies)],
            lifecycle_stage=chance.choice(Contact.LifecycleStage.values),
            lead_source=chance.choice(["web", "referral", "trade show"]),
            tags=chance.sample(TAGS, chance.randrange(3)),
            **_place(chance),
        )
        for number, (first, last) in enumerate(people)
    ]


def _deals(tenant: Tenant, contacts: list[Contact], chance: random.Random) -> list[Deal]:
    stages = list(Stage.objects.filter(tenant=tenant).select_related("pipeline"))
    deals = []
    for number in range(120):
        contact, stage = chance.choice(contacts), chance.choice(stages)
        deals.append(
            Deal(
                tenant=tenant,
                name=f"{contact.company} – {chance.choice(['licence', 'rollout', 'renewal'])} {number + 1}",
                value=chance.randrange(1000, 250_000),
                currency=tenant.currency,
                probability=stage.probability,
                expected_close_date=(TODAY + dt.timedelta(days=chance.randrange(400))).date(),
                stage=stage,
                pipeline=stage.pipeline,
                contact=contact,
                company=contact.company,
            )
        )
    return deals


def _activities(tenant: Tenant, deals: list[Deal], chance: random.Random) -> list[Activity]:
    activities = []
    for number in range(240):
        deal, is_done = deals[number % len(deals)], chance.random() < 0.5
        at = TODAY + dt.timedelta(days=chance.randrange(-60, 60), hours=chance.randrange(9))
        activities.append(
            Activity(
                tenant=tenant,
                activity_type=chance.choice(Activity.Type.values),
                subject=f"{chance.choice(SUBJECTS)} {number + 1}",
                scheduled_at=at,
                completed_at=at if is_done else None,
                status="completed" if is_done else "pending",
                priority=chance.choice(Activity.Priority.values),
                due_date=at.date(),
                contact=deal.contact,
                company=deal.company,
                deal=deal,
            )
        )
    return activities
