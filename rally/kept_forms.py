"""Forms that are sent after their session has ended: what was typed is kept until the user has signed in again.

It is kept by the login page itself, signed, so nothing of somebody who is not signed in is stored. Passwords are never
kept, nor files.
"""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import ResolverMatch, resolve, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.csrf import csrf_failure

#: The name of the login page's field, the salt of its signature, its maximum length, and how many seconds it holds.
FIELD, SALT, LONGEST, HOLDS = "kept", "rally.kept_forms", 500_000, 12 * 3600
#: The fields of a form that belong to its session, and those of the forms that are only buttons.
OF_SESSION, OF_BUTTONS = {"csrfmiddlewaretoken"}, {"plan", "then", "update"}
#: URL names end with these on pages that have forms with more than a button.
WITH_FIELDS = ("_add", "_change", "_changelist", "_delete")
SIGNED_OUT = gettext_lazy("You have been signed out in the meantime, so nothing has happened yet.")
EXPIRED = gettext_lazy("You have signed in again in the meantime, in another window, so nothing has happened yet.")
SIGN_IN_AND_PRESS = gettext_lazy("Sign in, then press the button again.")
SIGN_IN_AND_CHOOSE = gettext_lazy("Sign in, then choose the file again.")
PRESS = gettext_lazy("Press the button again.")
CHOOSE = gettext_lazy("Choose the file again; the options are kept.")


def ask_to_sign_in(site: AdminSite, request: HttpRequest) -> HttpResponse | None:
    """Return the way to the login page for a form whose session has ended, or None if the form cannot be kept.

    A file has to be chosen again, and a button to be pressed again: what is decided depends on what its page says.
    """
    if is_script(request):
        return None
    match = resolve(request.path_info)
    if page := _page_of_button(match, request):
        after = SIGN_IN_AND_PRESS if match.kwargs else SIGN_IN_AND_CHOOSE
        messages.warning(request, f"{SIGNED_OUT} {after}")
        return redirect(f"{reverse('admin:login')}?{urlencode({'next': page})}")
    form = keep(request)
    if not form:
        return None
    messages.warning(request, _("You have been signed out in the meantime. Sign in: what you have typed is kept."))
    login = {"app_path": reverse("admin:login"), "next": request.get_full_path()}
    return site.login(_as_get(request), {FIELD: form} | login)


def _as_get(request: HttpRequest) -> HttpRequest:
    """Return a request as if its page had been asked for."""
    request.method = "GET"
    return request


def keep(request: HttpRequest) -> str:
    """Return a form, signed; an empty text if it is too long, or has a file or a password."""
    if not is_small(request) or request.FILES:
        return ""
    fields = [(name, value) for name, values in request.POST.lists() for value in values if name not in OF_SESSION]
    if any("password" in name for name, _value in fields):
        return ""
    form = signing.dumps([request.get_full_path(), fields], salt=SALT, compress=True)
    return form if len(form) <= LONGEST else ""


def is_script(request: HttpRequest) -> bool:
    """Whether a script has sent a form, which is told by a redirect, or an error, that its session has ended."""
    wants_page = "text/html" in request.headers.get("Accept", "text/html")
    return request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate" or not wants_page


def is_small(request: HttpRequest) -> bool:
    """Whether a form is small enough to be read for somebody who is not signed in."""
    size = request.META.get("CONTENT_LENGTH") or ""
    return size.isdecimal() and int(size) <= (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)


def send_again(request: HttpRequest, form: str) -> HttpResponse | None:
    """Return the page to send a kept form from, for somebody who has signed in again; None if it is not one."""
    try:
        path, fields = signing.loads(form, salt=SALT, max_age=HOLDS)
    except signing.BadSignature:
        return None
    return _page(request, path, fields, status=200)


def expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW. A form of our own that has expired, because somebody has signed in again in another
    window, can be sent again; one of another site, or of unknown origin, cannot."""
    is_ours = request.headers.get("Origin") == f"{request.scheme}://{request.get_host()}"
    if is_script(request) or not (
        is_ours and request.path.startswith(reverse("admin:index")) and request.user.is_authenticated
    ):
        return csrf_failure(request, reason=reason)
    match = resolve(request.path_info)
    if page := _page_of_button(match, request):
        messages.warning(request, f"{EXPIRED} {PRESS if match.kwargs else CHOOSE}")
        return redirect(page)
    form = keep(request)
    return (form and send_again(request, form)) or csrf_failure(request, reason=reason)


def _page(request: HttpRequest, path: str, fields: list[Any], *, status: int) -> HttpResponse:
    context = {"path": path, "fields": fields, "leave": path.partition("?")[0]}
    return render(request, "rally/send_again.html", context, status=status)


def _page_of_button(match: ResolverMatch, request: HttpRequest) -> str:
    """Return the page of a form that is not kept: of a button, or of the choice of a file; else an empty text."""
    name = match.url_name or ""
    if name.endswith("_import"):
        return f"{request.path}?{query}" if (query := _options(request)) else request.path
    is_button = is_small(request) and {*request.POST} <= OF_SESSION | OF_BUTTONS
    if match.kwargs and is_button and not name.endswith(WITH_FIELDS) and name.startswith("importexport_"):
        model = name.split("_")[1]
        return reverse(f"admin:importexport_{model}_change", args=[next(iter(match.kwargs.values()))])
    return ""


def _options(request: HttpRequest) -> str:
    """Return the options of an import that were sent with a file, as a query string, unless it is too large to read."""
    # The admin site, which these pages belong to, imports this module.
    from importexport.admin import option_form, upload_form  # noqa: PLC0415

    if not is_small(request):
        return ""
    try:
        upload_form.read_form(request)
    except upload_form.UploadError:
        return ""
    given = {name: request.POST[name] for name in option_form.TITLES if request.POST.get(name)}
    return urlencode(given)
