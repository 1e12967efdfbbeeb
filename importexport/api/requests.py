"""DRF's request, with a body that is read as it arrives."""

from django.utils.functional import cached_property
from rest_framework.request import Request

from importexport.http.bodies import Body


class ApiRequest(Request):
    """A request whose body may lack a Content-Length; DRF would treat such a body as empty."""

    @cached_property
    def stream(self) -> Body:
        """The body, for the parser."""
        return Body(self.META)
