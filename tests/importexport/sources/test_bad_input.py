"""Files and options at fault: a clear sentence through the API, and nothing is lost."""

import json
from urllib.parse import urlencode

import pytest

from tests.support.bad_files import BAD_FILES, BAD_ROWS

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.name)
def test_nothing_of_a_file_at_fault_is_stored(api, bad):
    response = api.post_file(bad.entity, bad.content, query=urlencode(bad.options))
    assert response.status_code == 400
    assert bad.sentence in json.loads(response.content)["detail"]
    assert api.rows(bad.entity) == []


@pytest.mark.parametrize("bad", BAD_ROWS, ids=lambda bad: bad.name)
def test_a_row_at_fault_is_rejected_alone(api, bad):
    result = api.import_csv(bad.entity, bad.content, urlencode(bad.options))
    assert (result["imported"], result["errors"]) == (1, [bad.message])
