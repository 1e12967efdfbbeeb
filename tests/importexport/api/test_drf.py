"""The API's classes are DRF's: they work in a view that knows nothing of ours."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.models.api_key import create_api_key
from importexport.api.parsers import UploadParser
from importexport.api.permissions import HasScope
from tests.importexport.api.wire import form

factory = RequestFactory()


class PlainView(APIView):
    permission_classes = (IsAuthenticated, HasScope)
    scope = "write"

    def get(self, request):
        return Response({"tenant": request.auth.slug})

    def post(self, request):
        file = request.data["file"]
        return Response({"name": file.name, "size": file.size, "text": file.read().decode()})


ask = PlainView.as_view()


@pytest.fixture
def headers(tenant):
    return {"X-Api-Key": create_api_key(tenant=tenant, name="drf")[1]}


def test_authentication_challenges_who_has_no_key():
    answer = ask(factory.get("/"))
    assert (answer.status_code, answer["WWW-Authenticate"][:7]) == (401, "ApiKey ")


def test_authentication_says_who_asks(headers, tenant):
    assert ask(factory.get("/", headers=headers)).data == {"tenant": tenant.slug}


def test_a_permission_asks_for_the_scope_of_the_view(tenant):
    _key, secret = create_api_key(tenant=tenant, name="reader", scope="read")
    assert ask(factory.get("/", headers={"X-Api-Key": secret})).status_code == 403


def test_a_throttle_says_when_to_come_again(headers, settings):
    settings.RALLY_RATE_LIMIT = 1
    assert ask(factory.get("/", headers=headers)).status_code == 200
    answer = ask(factory.get("/", headers=headers))
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 61


def test_negotiation_goes_by_the_renderers(headers):
    assert ask(factory.get("/", headers=headers | {"Accept": "text/csv"})).status_code == 406


def test_an_uploaded_file_is_among_the_data(headers):
    sent = {"file": SimpleUploadedFile("ä.csv", b"a,b")}
    answer = ask(factory.post("/", sent, headers=headers))
    assert answer.data == {"name": "ä.csv", "size": 3, "text": "a,b"}


def test_another_kind_of_body_has_no_parser(headers):
    assert ask(factory.post("/", "{}", content_type="application/json", headers=headers)).status_code == 415


def test_the_parser_reads_any_stream():
    sent = form(b"a,b")
    parsed = UploadParser().parse(io.BytesIO(sent.body), sent.headers["Content-Type"])
    assert parsed.files["file"].read() == b"a,b"


def test_a_file_is_read_once_and_closed_with_its_request():
    http = factory.post("/", {"file": SimpleUploadedFile("a.csv", b"a,b")})
    request = Request(http, parsers=[UploadParser()])
    file = request.FILES["file"]
    assert request.data["file"] is file
    http.close()
    assert file.closed
