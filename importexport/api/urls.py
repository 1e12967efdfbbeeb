"""The URLs under /api/, with and without the version and a trailing slash."""

from django.urls import re_path

from importexport.api import guides
from importexport.api.views import base, docs, events, files, mappings, me, prepared, runs, schedules, sources, webhooks

ENTITY = r"^(?:v1/)?importexport/(?P<entity>[^/]+)"
IMPORTS = r"^(?:v1/)?importexport/imports"
EXPORTS = r"^(?:v1/)?importexport/exports/(?P<export_id>[^/]+)"
ONE = rf"{IMPORTS}/(?P<run_id>[^/]+)"
WEBHOOKS = r"^(?:v1/)?importexport/webhooks"
WEBHOOK = rf"{WEBHOOKS}/(?P<webhook_id>[^/]+)"
SCHEDULES = r"^(?:v1/)?importexport/schedules"
SCHEDULE = rf"{SCHEDULES}/(?P<schedule_id>[^/]+)"

urlpatterns = [
    re_path(r"^(?:v1/)?importexport/mappings/?\Z", mappings.MappingsView.as_view()),
    re_path(r"^(?:v1/)?importexport/mappings/(?P<name>[^/]+)/?\Z", mappings.MappingView.as_view()),
    re_path(r"^(?:v1/)?importexport/sources/?\Z", sources.SourcesView.as_view()),
    re_path(r"^(?:v1/)?importexport/sources/(?P<name>[^/]+)/?\Z", sources.SourceView.as_view()),
    re_path(rf"{EXPORTS}/?\Z", prepared.PreparedView.as_view()),
    re_path(rf"{EXPORTS}/file/?\Z", prepared.PreparedFileView.as_view()),
    re_path(rf"{IMPORTS}/?\Z", runs.ImportsView.as_view()),
    re_path(rf"{ONE}/?\Z", runs.ImportDetailView.as_view()),
    re_path(rf"{ONE}/rows/?\Z", runs.RowsView.as_view()),
    re_path(rf"{ONE}/rejected/?\Z", runs.RejectedView.as_view()),
    re_path(rf"{ONE}/apply/?\Z", runs.ApplyView.as_view()),
    re_path(rf"{ONE}/undo/?\Z", runs.UndoView.as_view()),
    re_path(rf"{ONE}/cancel/?\Z", runs.CancelView.as_view()),
    re_path(rf"{ONE}/events/?\Z", events.EventsView.as_view()),
    re_path(rf"{SCHEDULES}/?\Z", schedules.SchedulesView.as_view()),
    re_path(rf"{SCHEDULE}/?\Z", schedules.ScheduleView.as_view()),
    re_path(rf"{SCHEDULE}/run/?\Z", schedules.RunView.as_view()),
    re_path(rf"{WEBHOOKS}/?\Z", webhooks.WebhooksView.as_view()),
    re_path(rf"{WEBHOOK}/?\Z", webhooks.WebhookView.as_view()),
    re_path(rf"{WEBHOOK}/ping/?\Z", webhooks.PingView.as_view()),
    re_path(rf"{WEBHOOK}/deliveries/?\Z", webhooks.DeliveriesView.as_view()),
    re_path(rf"{WEBHOOK}/deliveries/(?P<delivery_id>[^/]+)/resend/?\Z", webhooks.ResendView.as_view()),
    re_path(rf"{ENTITY}/plan/?\Z", runs.PlanView.as_view()),
    re_path(rf"{ENTITY}/(?P<record>[0-9]+)/imports/?\Z", runs.HistoryView.as_view()),
    re_path(rf"{ENTITY}/export/?\Z", files.ExportView.as_view()),
    re_path(rf"{ENTITY}/export/excel/?\Z", files.ExcelExportView.as_view()),
    re_path(rf"{ENTITY}/import/?\Z", files.ImportView.as_view()),
    re_path(rf"{ENTITY}/read/?\Z", files.ReadView.as_view()),
    re_path(rf"{ENTITY}/template/?\Z", files.TemplateView.as_view()),
    re_path(r"^(?:v1/)?me/?\Z", me.MeView.as_view()),
    re_path(r"^v1/schema/?\Z", docs.SchemaView.as_view(), name="schema"),
    re_path(r"^docs/?\Z", docs.DocsView.as_view(), name="docs"),
    re_path(r"^docs/problems/?\Z", docs.ProblemsView.as_view(), name="problems"),
    re_path(rf"^docs/(?P<name>{'|'.join(guides.TITLES)})/?\Z", docs.GuideView.as_view(), name="guide"),
    re_path(r"", base.UnknownView.as_view()),
]
