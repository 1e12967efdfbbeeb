import psycopg
import pytest
from django.db import IntegrityError, OperationalError, transaction

from importexport import db
from importexport.db import retrying


class Attempts:
    """A function that raises each of some errors, then returns the number of calls."""

    def __init__(self, *failures):
        self.failures, self.count = list(failures), 0

    def __call__(self):
        self.count += 1
        if self.failures:
            raise self.failures.pop(0)
        return self.count


def test_a_clash_is_retried_and_the_last_one_raised():
    assert db.retry(Attempts(IntegrityError("a"), IntegrityError("b")), when=db.is_clash) == 3
    stubborn = Attempts(*map(IntegrityError, "abcd"))
    with pytest.raises(IntegrityError, match="c"):
        db.retry(stubborn, when=db.is_clash)
    assert stubborn.count == retrying.TRIES == 3


def test_other_errors_are_raised_immediately():
    for error in (OperationalError("away"), ValueError("bug")):
        attempts = Attempts(error)
        with pytest.raises(type(error)):
            db.retry(attempts, when=db.is_clash)
        assert attempts.count == 1


def test_a_deadlock_is_retried_only_in_its_own_transaction(transactional_db):
    error = OperationalError()
    error.__cause__ = psycopg.errors.DeadlockDetected()
    assert db.is_tie(error)
    assert not db.is_tie(OperationalError())
    with transaction.atomic():
        assert not db.is_tie(error)
