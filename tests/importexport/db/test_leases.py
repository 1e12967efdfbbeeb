"""Leases: who works on something at this moment."""

import datetime as dt
import threading
import time

import pytest
from django.db import connection
from django.utils import timezone

from importexport.db import LeaseLost
from importexport.db.leases import RENEWER, Lease, leased, renew
from importexport.models import Lease as LeaseRow
from importexport.runs.retention import purge
from tests.support.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def age(seconds):
    """Make all leases as old as if they had not been renewed for so long."""
    LeaseRow.objects.update(seen_at=timezone.now() - dt.timedelta(seconds=seconds))


def test_a_lease_has_one_holder(tenant):
    with leased(tenant.pk, "a") as first, leased(tenant.pk, "a") as second:
        assert first
        assert second is None


def test_tenants_and_names_do_not_disturb_each_other(tenant, other_tenant):
    with leased(tenant.pk, "a") as first, leased(other_tenant.pk, "a") as second, leased(tenant.pk, "b") as third:
        assert first
        assert second
        assert third


def test_a_lease_that_was_given_back_is_free(tenant):
    with leased(tenant.pk, "a"):
        pass
    with leased(tenant.pk, "a") as again:
        assert again.was_left is False
    assert not LeaseRow.objects.exists()


def test_a_lease_of_a_process_that_died_is_free_after_ten_seconds(tenant):
    died = Lease(tenant.pk, "a")
    died.take()
    RENEWER.remove(died)
    age(9)
    with leased(tenant.pk, "a") as early:
        assert early is None
    age(11)
    with leased(tenant.pk, "a") as late:
        assert late.was_left is True


def test_a_lease_is_renewed_as_long_as_its_process_lives(tenant, settings):
    # The thread of other tests would look again only after two seconds.
    wait_until(lambda: not any(thread.name == "lease renewer" for thread in threading.enumerate()), "no lease is held")
    settings.RALLY_LEASE = 1
    with leased(tenant.pk, "a") as lease:
        time.sleep(1.6)
        lease.check()
        with leased(tenant.pk, "a") as second:
            assert second is None


def test_who_has_not_renewed_a_lease_in_time_has_lost_it(tenant, settings):
    settings.RALLY_LEASE = 0
    with leased(tenant.pk, "a") as lease, pytest.raises(LeaseLost, match="Another process has taken over this import"):
        lease.check()


def test_who_finds_somebody_else_in_the_lease_has_lost_it(tenant):
    frozen = Lease(tenant.pk, "a")
    frozen.take()
    age(11)
    with leased(tenant.pk, "a"):
        renew([frozen], connection)
        with pytest.raises(LeaseLost):
            frozen.check()
        frozen.give_back()
        with leased(tenant.pk, "a") as third:
            assert third is None


def test_a_lease_is_waited_for(tenant):
    with leased(tenant.pk, "a"), leased(tenant.pk, "a", wait=0.1) as second:
        assert second is None


def test_a_purge_deletes_what_processes_have_left(tenant):
    """A key whose client never comes again is nobody's to take over."""
    died = Lease(tenant.pk, "key 1")
    died.take()
    RENEWER.remove(died)
    age(23 * 3600)
    purge()
    assert LeaseRow.objects.exists()
    age(25 * 3600)
    purge()
    assert not LeaseRow.objects.exists()
