"""URL configuration."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

admin.autodiscover()
urlpatterns = [
    path("", RedirectView.as_view(url="/api/docs")),
    path("admin/", admin.site.urls),
    path("api/", include("importexport.api.urls")),
]
handler400 = "importexport.api.problems.bad_request"
handler403 = "importexport.api.problems.forbidden"
handler404 = "importexport.api.problems.not_found"
handler500 = "importexport.api.problems.server_error"
