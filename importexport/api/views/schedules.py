"""The endpoints for schedules. All of them need the scope of admins: an address may have a secret."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.http import HttpResponse, JsonResponse
from rest_framework.request import Request

from importexport.api.authentication import key_id
from importexport.api.causes import Cause
from importexport.api.json_bodies import json_body
from importexport.api.links import BASE
from importexport.api.problems import Problem
from importexport.api.requests import ApiRequest
from importexport.api.views.base import EndpointView, id_of, no_content
from importexport.models import Schedule, path_of_export
from importexport.runs.schedules import StillAtWork, start_now
from importexport.schedules import managing
from importexport.schedules.addresses import SchedulesOff


@contextmanager
def problems() -> Iterator[None]:
    """Context in which what cannot be done with a schedule is raised as Problem."""
    try:
        yield
    except managing.InvalidSchedule as why:
        raise Problem(Cause.INVALID_SCHEDULE, str(why)) from None
    except managing.Taken as why:
        raise Problem(Cause.SCHEDULE_TAKEN, str(why)) from None
    except managing.TooManySchedules as why:
        raise Problem(Cause.TOO_MANY_SCHEDULES, str(why)) from None
    except SchedulesOff as why:
        raise Problem(Cause.SCHEDULES_OFF, str(why)) from None
    except StillAtWork as why:
        raise Problem(Cause.SCHEDULE_AT_WORK, str(why)) from None


def shown(*schedules: Schedule) -> list[dict[str, Any]]:
    """Return schedules of a tenant as JSON."""
    last = managing.last_of(schedules, tenant_id=schedules[0].tenant_id) if schedules else {}
    return [managing.schedule_json(schedule, last.get(schedule.pk)) for schedule in schedules]


def path_of(schedule: Schedule) -> str:
    """Return the path of a schedule."""
    return f"{BASE}/schedules/{schedule.pk}"


def no_such() -> Problem:
    """Return the problem of an id that no schedule has."""
    return Problem(Cause.NO_SUCH_SCHEDULE, "There is no such schedule.")


class SchedulesView(EndpointView):
    """All schedules of the tenant."""

    scope = "admin"

    def check_path(self, **_: str) -> None:
        """Accept the only path."""

    def get(self, request: Request) -> HttpResponse:
        """Return the schedules, oldest first, without their secrets."""
        return JsonResponse({"results": shown(*Schedule.objects.filter(tenant=self.caller.tenant_id))})

    def post(self, request: Request) -> HttpResponse:
        """Add a schedule."""
        body, tenant = json_body(cast(ApiRequest, request)), self.caller.tenant
        with problems():
            given = managing.read_given(body, tenant=tenant)
            schedule = managing.add_schedule(given, tenant=tenant, key_id=key_id(request), actor=self.caller.key_name)
        return JsonResponse(shown(schedule)[0], status=201, headers={"Location": path_of(schedule)})


class OneScheduleView(EndpointView):
    """The base of endpoints for a single schedule."""

    scope = "admin"

    def check_path(self, *, schedule_id: str = "", **_: str) -> None:
        """Load the schedule; raise Problem (404) if it does not exist or belongs to another tenant."""
        found = Schedule.objects.filter(tenant=self.caller.tenant_id)
        schedule = found.filter(pk=id_of(schedule_id)).first()
        if schedule is None:
            raise no_such()
        self.schedule = schedule


class ScheduleView(OneScheduleView):
    """A single schedule."""

    http_method_names = ("get", "head", "put", "delete")

    def get(self, request: Request, schedule_id: str) -> HttpResponse:
        """Return the schedule without its secrets."""
        return JsonResponse(shown(self.schedule)[0])

    def put(self, request: Request, schedule_id: str) -> HttpResponse:
        """Change the schedule. An address that is sent as it is shown keeps its secrets."""
        body = json_body(cast(ApiRequest, request))
        with problems():
            given = managing.read_given(body, tenant=self.caller.tenant, stored=self.schedule)
            managing.change_schedule(self.schedule, given)
        return JsonResponse(shown(self.schedule)[0])

    def delete(self, request: Request, schedule_id: str) -> HttpResponse:
        """Delete the schedule. Its imports and exports stay."""
        self.schedule.delete()
        return no_content()


class RunView(OneScheduleView):
    """Starts the schedule."""

    http_method_names = ("post",)

    def post(self, request: Request, schedule_id: str) -> HttpResponse:
        """Start the schedule now; return it, with the path of its export or, as there is no import yet, its own."""
        try:
            with problems():
                export = start_now(self.schedule)
        except Schedule.DoesNotExist:
            raise no_such() from None
        self.schedule.refresh_from_db()
        location = path_of_export(export) if export else path_of(self.schedule)
        return JsonResponse(shown(self.schedule)[0], status=202, headers={"Location": location})
