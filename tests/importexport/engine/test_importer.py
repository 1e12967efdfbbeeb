"""Reading ahead: the next batch is read and cleaned in another thread while PostgreSQL stores this one."""

import io
import threading

import pytest

from crm.models import Contact
from importexport import services
from importexport.errors import FileError
from importexport.files.table import ROWS_PER_BATCH
from importexport.models import ImportRun

HEADER = "first_name,last_name,email\n"


def people(count):
    return "".join(f"Ada,Lovelace,ada{n}@x.example\n" for n in range(count))


def import_contacts(tenant, text, **options):
    run = ImportRun(tenant=tenant, entity="contacts", channel="shell")
    return services.import_file(run, io.BytesIO((HEADER + text).encode()), **options)


def reading():
    return [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]


class Breaks:
    """An observer that fails at the first batch."""

    def begin(self, table):
        self.was_reading = []

    def add(self, outcome):
        self.was_reading = reading()
        raise RuntimeError("the bar broke")

    def end(self, report):
        raise AssertionError("a batch failed")


def test_batches_are_stored_in_the_order_of_the_file(tenant):
    report = import_contacts(tenant, people(3 * ROWS_PER_BATCH + 1))
    assert report.imported == 3 * ROWS_PER_BATCH + 1
    emails = Contact.objects.order_by("id").values_list("email", flat=True)
    assert list(emails) == [f"ada{n}@x.example" for n in range(3 * ROWS_PER_BATCH + 1)]
    assert reading() == []


def test_a_failure_is_raised_after_the_batches_before_it(tenant):
    told = []
    observer = Breaks()
    observer.add = told.append
    broken = people(2 * ROWS_PER_BATCH) + '"Ada,Lovelace,a@x.example\n'
    with pytest.raises(FileError, match=rf"^Broken quoting in row {2 * ROWS_PER_BATCH + 2}:"):
        import_contacts(tenant, broken, observers=[observer])
    assert [outcome.rows for outcome in told] == [ROWS_PER_BATCH] * 2
    assert not Contact.objects.exists()


def test_an_import_that_fails_reads_no_further(tenant):
    observer = Breaks()
    try:
        import_contacts(tenant, people(3 * ROWS_PER_BATCH), observers=[observer])
    except RuntimeError:
        # A retry may read the file again immediately, so no other thread may be reading it.
        assert reading() == []
    assert observer.was_reading
