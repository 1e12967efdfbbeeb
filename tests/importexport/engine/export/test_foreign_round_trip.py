"""Property: a file written with ``headers=V`` and read with ``source=V`` gives the same records, for every program."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.models import Company, Contact, Tenant
from importexport.engine.export.selection import covers
from importexport.resources import RESOURCES
from importexport.sources.outgoing import outgoing
from importexport.sources.presets import presets
from tests.support.api import Api

#: Characters that lists, HTML, spreadsheets and CSV give a meaning.
AWKWARD = st.text(alphabet="ab Ä<>&;:,\"'|*=+-@#/\\\n()1ß", max_size=12)
WORD = st.text(alphabet="AbÇß'-", min_size=1, max_size=6)
TAGS = st.lists(st.text(alphabet="ab Ä&'-1", min_size=1, max_size=5), max_size=3).map(",".join)
DIGITS = st.text(alphabet="0123456789 +()-", max_size=12)
RECORDS = {
    "companies": st.fixed_dictionaries(
        {"name": WORD, "industry": AWKWARD, "description": AWKWARD, "phone": DIGITS, "address": AWKWARD, "tags": TAGS}
    ),
    "contacts": st.fixed_dictionaries(
        {
            "first_name": WORD,
            "last_name": WORD,
            "phone": DIGITS,
            "title": AWKWARD,
            "address": AWKWARD,
            "notes": AWKWARD,
            "tags": TAGS,
        }
        | {"lifecycle_stage": st.sampled_from(["lead", "qualified", "opportunity", "customer", "evangelist"])}
    ),
}
PAIRS = [(source, entity) for source in presets() for entity in RECORDS if covers(source, RESOURCES[entity]())]


def file_of(entity, records):
    out = io.StringIO(newline="")
    rows = [record | ({"email": f"p{n}@x.example"} if entity == "contacts" else {}) for n, record in enumerate(records)]
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def rows_of(api, entity):
    return list(csv.DictReader(io.StringIO(api.export(entity), newline="")))


@pytest.mark.django_db
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_file_in_a_programs_words_gives_the_same_records(tenant, data):
    source, entity = data.draw(st.sampled_from(PAIRS))
    records = data.draw(
        st.lists(
            RECORDS[entity],
            min_size=1,
            max_size=3,
            unique_by=lambda r: r.get("name", "").casefold() if entity == "companies" else id(r),
        )
    )
    for model in (Contact, Company):
        model.objects.all().delete()
    api, other = Api(tenant), Api(Tenant.objects.get_or_create(slug="other", name="Other")[0])
    assert api.import_csv(entity, file_of(entity, records))["imported"]
    written = api.get(f"{entity}/export?headers={source}").getvalue().decode()
    other.import_csv(entity, written, f"source={source}&incomplete=accept")
    there = {one.column for one in outgoing(source, entity)}
    covered = (there | ({"first_name", "last_name"} if "full_name" in there else set())) & {
        *RESOURCES[entity].column_names()
    }
    kept = [[row[name] for name in sorted(covered)] for row in rows_of(api, entity)]
    assert [[row[name] for name in sorted(covered)] for row in rows_of(other, entity)] == kept
