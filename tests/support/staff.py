"""Staff who use the admin, based on Django's test client."""

import html
import re
from decimal import Decimal

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from crm.access import SESSION_KEY
from crm.models import Deal, Membership, Stage
from importexport.models import ImportRun
from importexport.runs import worker

HEADER = "first_name,last_name,email,company_name\r\n"
MIXED = HEADER + "Ada,Lovelace,ada@example.com,\r\nAlan,Turing,nobody,Acme\r\n,Hopper,grace@example.com,Acme\r\n"


PASSWORD = "correct horse"
#: Takes a run's job out of the queue.
TAKEN = "DELETE FROM procrastinate_jobs WHERE task_name = %s AND status = 'todo' AND args->>'run_id' = %s RETURNING id"


def sign_in(tenant=None, role="", *, name="", client=None, **flags):
    """Return a client signed in as a user with a role, created if necessary; without a role, a superuser."""
    name = name or (f"{role} of {tenant.slug}" if role else "root")
    user = User.objects.filter(username=name).first() or make_user(name, tenant, role, **flags)
    client = client or Client()
    client.force_login(user)
    return client


def make_user(name, tenant=None, role="", **flags):
    flags = {"is_staff": True, "is_superuser": not role} | flags
    user = User.objects.create_user(name, password=PASSWORD, **flags)
    if role:
        Membership.objects.create(user=user, tenant=tenant, role=role)
    return user


def pick(client, tenant):
    """Choose an account as a superuser."""
    session = client.session
    session[SESSION_KEY] = tenant.pk
    session.save()


def add_run(tenant, **fields):
    """Return a run as background work would leave it."""
    given = {"tenant": tenant, "entity": "contacts", "channel": "admin", "status": "done", "file_name": "a.csv"}
    return ImportRun.objects.create(**given | fields)


def add_deal(tenant, **fields):
    """Return a deal of 1,234.50 euros in the tenant's first stage."""
    stage = Stage.objects.filter(tenant=tenant).first()
    given = {
        "value": Decimal("1234.50"),
        "currency": "EUR",
        "probability": 25,
        "stage": stage,
        "pipeline": stage.pipeline,
    }
    return Deal.objects.create(tenant=tenant, name="Roof", **given | fields)


class Staff:
    """A signed-in user with a role who uses the import and export pages; without a role, a superuser."""

    def __init__(self, tenant, role="", *, name=""):
        self.tenant = tenant
        self.client = sign_in(tenant, role, name=name)
        self.user = User.objects.get(pk=self.client.session["_auth_user_id"])

    def pick(self, tenant):
        pick(self.client, tenant)

    def get(self, view, *args, query="", **data):
        return self.client.get(reverse(f"admin:{view}", args=args) + query, data)

    def page(self, view, *args, query="", **data):
        """Return the text of a page without markup."""
        response = self.get(view, *args, query=query, **data)
        assert response.status_code == 200, response.status_code
        return words_of(response)

    def post(self, view, *args, **data):
        return self.client.post(reverse(f"admin:{view}", args=args), data)

    def bring(self, content, *, name="people.csv", model="contact", **options):
        """Upload a file with import options; return the response."""
        data = content.encode() if isinstance(content, str) else content
        return self.post(f"crm_{model}_import", file=SimpleUploadedFile(name, data), **options)

    def check(self, content, **options):
        """Upload a file and have it checked, with its columns as they are recognised; return the run."""
        run = self.brought(content, **options)
        if run.status == ImportRun.Status.MATCHING:
            self.match(run)
        return finished(run)

    def brought(self, content, **options):
        """Upload a file; return the run as it is then."""
        response = self.bring(content, **options)
        assert response.status_code == 302, words_of(response)
        return ImportRun.objects.get(pk=response.url.split("/")[-3])

    def match(self, run, **answers):
        """Answer the questions of the Match page, which has to be content; return the run when it was planned."""
        response = self.post("importexport_importrun_match", run.pk, **answers)
        assert response.status_code == 302, words_of(response)
        return finished(run)

    def confirm(self, run):
        response = self.post("importexport_importrun_confirm", run.pk)
        assert response.status_code == 302
        return finished(run)

    def run_page(self, run, **data):
        return self.page("importexport_importrun_change", run.pk, **data)


def finished(run):
    """Do what waits of a run as a worker does; return the run. A worker itself would need half a dozen connections."""
    with connection.cursor() as cursor:
        cursor.execute(TAKEN, [worker.TASK, str(run.pk)])
        is_waiting = cursor.fetchone()
    run = ImportRun.objects.select_related("tenant").get(pk=run.pk)
    if is_waiting:
        worker.work_on(run, lambda *_: None)
        run.refresh_from_db()
    return run


def words_of(response):
    """Return the text of a page's content with normalised spaces."""
    text = response.content.decode().partition('id="content"')[2]
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(text))
