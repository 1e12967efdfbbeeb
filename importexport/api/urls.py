"""The paths under /api/: with and without the version, with and without a trailing slash."""

from django.urls import path, re_path

from importexport.api import schema, views

ENTITY = r"^(?:v1/)?importexport/(?P<entity>[^/]+)"

urlpatterns = [
    re_path(rf"{ENTITY}/export/?\Z", views.ExportView.as_view()),
    re_path(rf"{ENTITY}/export/excel/?\Z", views.ExcelExportView.as_view()),
    re_path(rf"{ENTITY}/import/?\Z", views.ImportView.as_view()),
    re_path(rf"{ENTITY}/template/?\Z", views.TemplateView.as_view()),
    path("v1/schema", schema.SchemaView.as_view(), name="schema"),
    path("docs", schema.DocsView.as_view(), name="docs"),
    path("docs/problems", schema.problems, name="problems"),
    re_path(r"", views.UnknownView.as_view()),
]
