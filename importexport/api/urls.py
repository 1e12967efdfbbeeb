"""The paths under /api/: with and without the version, with and without a trailing slash."""

from django.urls import re_path

from importexport.api import imports, schema, views

ENTITY = r"^(?:v1/)?importexport/(?P<entity>[^/]+)"
IMPORTS = r"^(?:v1/)?importexport/imports"
ONE = rf"{IMPORTS}/(?P<run_id>[^/]+)"

urlpatterns = [
    re_path(rf"{IMPORTS}/?\Z", imports.ImportsView.as_view()),
    re_path(rf"{ONE}/?\Z", imports.ImportDetailView.as_view()),
    re_path(rf"{ONE}/rows/?\Z", imports.RowsView.as_view()),
    re_path(rf"{ONE}/rejected/?\Z", imports.RejectedView.as_view()),
    re_path(rf"{ONE}/apply/?\Z", imports.ApplyView.as_view()),
    re_path(rf"{ONE}/undo/?\Z", imports.UndoView.as_view()),
    re_path(rf"{ENTITY}/plan/?\Z", imports.PlanView.as_view()),
    re_path(rf"{ENTITY}/(?P<record>[0-9]+)/imports/?\Z", imports.HistoryView.as_view()),
    re_path(rf"{ENTITY}/export/?\Z", views.ExportView.as_view()),
    re_path(rf"{ENTITY}/export/excel/?\Z", views.ExcelExportView.as_view()),
    re_path(rf"{ENTITY}/import/?\Z", views.ImportView.as_view()),
    re_path(rf"{ENTITY}/template/?\Z", views.TemplateView.as_view()),
    re_path(r"^v1/schema/?\Z", schema.SchemaView.as_view(), name="schema"),
    re_path(r"^docs/?\Z", schema.DocsView.as_view(), name="docs"),
    re_path(r"^docs/problems/?\Z", schema.ProblemsView.as_view(), name="problems"),
    re_path(r"", views.UnknownView.as_view()),
]
