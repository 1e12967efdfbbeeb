"""Settings from environment variables. Invalid values raise ImproperlyConfigured."""

import contextlib
import os
import secrets
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from rally import database, email, schedule_hosts, storage
from rally.environment import cell, flag, number, web_address, words

BASE_DIR = Path(__file__).resolve().parent.parent


def persistent_secret(path: Path) -> str:
    """Return the secret in a file, created at random on first use. Concurrent processes get the same secret.

    Raises ImproperlyConfigured if there is a file, but no text in it: a new key would sign all users out.
    """
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with open(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123 - mode
            file.write(secrets.token_urlsafe(64))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    secret = path.read_text(errors="ignore")
    if not secret.strip():
        sentence = (
            f"The file {path} has no secret key. Delete it: a new one is made, and all users have to sign in again."
        )
        raise ImproperlyConfigured(sentence)
    return secret


DATA_DIR = Path(os.environ.get("RALLY_DATA_DIR") or BASE_DIR / "var").resolve()
STATIC_ROOT = DATA_DIR / "static"
try:
    # Created here, because whitenoise warns about a missing directory.
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    SECRET_KEY = os.environ.get("SECRET_KEY") or persistent_secret(DATA_DIR / "secret_key")
except OSError as error:
    raise ImproperlyConfigured(f"RALLY_DATA_DIR cannot be used: {error}.") from None

DEBUG = flag("DEBUG")
RALLY_BASE_DOMAIN = os.environ.get("RALLY_BASE_DOMAIN", "").strip().lower().strip(".")
ALLOWED_HOSTS = words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
if RALLY_BASE_DOMAIN:
    ALLOWED_HOSTS.append(f".{RALLY_BASE_DOMAIN}")

#: This installation, where there are several: new API keys carry it, and it has ids of its own (see crm.cells).
RALLY_CELL = cell("RALLY_CELL", "00")
#: The maximum size of a file imported through the API, in bytes.
RALLY_IMPORT_MAX_BYTES = number("RALLY_IMPORT_MAX_BYTES", 10 * 1024 * 1024)
#: The same for a file that a worker imports while the client does not wait.
RALLY_IMPORT_MAX_BYTES_ASYNC = number("RALLY_IMPORT_MAX_BYTES_ASYNC", 2 * 1024**3)
#: A file may have 5,000 columns, each of which has a field on the Match page, beside those of values.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 7_000
#: Seconds that a run may take in the background.
RALLY_RUN_TIMEOUT = number("RALLY_RUN_TIMEOUT", 7200)
#: Seconds after which a process that gives no sign of life is taken for dead, so that others go on with its work.
RALLY_LEASE = number("RALLY_LEASE", 10)
#: The number of days to keep uploaded files, rejected rows and changed values.
RALLY_IMPORT_KEEP_DAYS = number("RALLY_IMPORT_KEEP_DAYS", 30)
#: The number of hours to keep previews of the admin that nobody confirms, changes or discards.
RALLY_PLAN_KEEP_HOURS = number("RALLY_PLAN_KEEP_HOURS", 24)
#: The maximum size of a tenant's uploads, rejected rows and changes that are kept, in bytes; 0 for no limit.
RALLY_IMPORT_KEEP_BYTES = number("RALLY_IMPORT_KEEP_BYTES", 10 * 1024**3)
#: The maximum number of requests per minute and tenant.
RALLY_RATE_LIMIT = number("RALLY_RATE_LIMIT", 1000)
#: The maximum time an import through the API waits for another import of the tenant, in seconds.
RALLY_IMPORT_WAIT = number("RALLY_IMPORT_WAIT", 30)
#: The maximum duration of an upload, and of a pause in one, in seconds.
RALLY_UPLOAD_TIMEOUT = number("RALLY_UPLOAD_TIMEOUT", 300)
RALLY_UPLOAD_IDLE_TIMEOUT = number("RALLY_UPLOAD_IDLE_TIMEOUT", 30)
#: The maximum duration of the upload of a file that a worker imports, in seconds.
RALLY_UPLOAD_TIMEOUT_ASYNC = number("RALLY_UPLOAD_TIMEOUT_ASYNC", 3600)

#: Whether webhooks may have http addresses as well, for development.
RALLY_WEBHOOK_HTTP = flag("RALLY_WEBHOOK_HTTP")
#: The only hosts of webhooks, also private ones; ``*`` stands for all public hosts. Without any, those.
RALLY_WEBHOOK_HOSTS = [host.lower() for host in words("RALLY_WEBHOOK_HOSTS")]

#: The only hosts and buckets that schedules may use; without any, there are no schedules.
RALLY_SCHEDULE_HOSTS, RALLY_SCHEDULE_BUCKETS = schedule_hosts.from_environment(words("RALLY_SCHEDULE_HOSTS"))

#: Whether and where e-mail is sent, as Django's settings, and the address of this installation, for links in messages.
RALLY_EMAIL: bool = bool(os.environ.get("RALLY_EMAIL_URL"))
globals().update(
    email.from_environment(url=os.environ.get("RALLY_EMAIL_URL"), sender=os.environ.get("RALLY_EMAIL_FROM"))
)
RALLY_PUBLIC_URL = web_address("RALLY_PUBLIC_URL")

#: The number of downloads that a process makes at the same moment.
RALLY_STREAMS = number("RALLY_STREAMS", 1)

# Read by the server itself. Validated here, so that errors are reported early.
for name, default in (("PORT", 8000), ("WEB_CONCURRENCY", 2), ("RALLY_THREADS", 16)):
    number(name, default)

INSTALLED_APPS = [
    "rally",
    "crm",
    "importexport",  # Before import_export: both have the commands import and export.
    "import_export",
    "rest_framework",
    "drf_spectacular_sidecar",
    "unfold.apps.BasicAppConfig",  # Before the admin, whose templates it replaces. The admin site is our own.
    "unfold.contrib.filters",
    "rally.apps.RallyAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "procrastinate.contrib.django",
]
MIDDLEWARE = [
    "rally.middleware.request_log.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "rally.middleware.policy.PolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "rally.middleware.pages_only.CompressionMiddleware",
    "rally.middleware.pages_only.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "rally.middleware.pages_only.AuthenticationMiddleware",
    "rally.middleware.pages_only.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "rally.middleware.pages_only.AccountMiddleware",
]
ROOT_URLCONF = "rally.urls"
WSGI_APPLICATION = "rally.wsgi.application"
APPEND_SLASH = True
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],  # These take precedence over those of apps.
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": database.from_environment(
        url=os.environ.get("DATABASE_URL"), direct=os.environ.get("RALLY_DIRECT_DATABASE_URL"), home=DATA_DIR
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

LANGUAGE_CODE = "en"
USE_TZ = True
FORMAT_MODULE_PATH = ["rally.formats"]
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]  # These take precedence over those of apps.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    "uploads": storage.from_environment(url=os.environ.get("RALLY_STORAGE_URL"), home=DATA_DIR),
}
if DEBUG:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

#: Behind an HTTPS proxy: redirect, secure cookies, HSTS. If disabled, HTTP works.
HTTPS = flag("RALLY_HTTPS")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
X_FRAME_OPTIONS = "DENY"
#: Pages load only resources of this service, and no inline scripts. The setting has the format of Django 6.
SECURE_CSP = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
}

#: A form that has expired can be sent again.
CSRF_FAILURE_VIEW = "rally.kept_forms.expired"
SESSION_ENGINE = "rally.sessions"
#: A working day. Users have to sign in again the next day.
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True

#: Five failures lock a name from an address for 15 minutes; twenty lock the address.
AUTHENTICATION_BACKENDS = ["rally.security.ThrottledBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = 5
AXES_HANDLER = "rally.security.SignInHandler"
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "rally.security.locked_out"
AXES_CLIENT_IP_CALLABLE = "rally.security.client_address"
AXES_USERNAME_CALLABLE = "rally.security.name_tried"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

UNFOLD = {
    "SITE_TITLE": "Rally",
    "SITE_HEADER": "Rally",
    "SITE_URL": None,
    "SITE_ICON": "rally.sidebar.logo",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "rally.sidebar.logo"}],
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "rally.dashboard.page.dashboard",
    "SIDEBAR": {"navigation": "rally.sidebar.navigation"},
}

#: The API uses keys instead of users and sessions. importexport.api.views.base determines the order of the checks.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["importexport.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_THROTTLE_CLASSES": [
        "importexport.api.throttling.RateThrottle",
        "importexport.api.throttling.ShareThrottle",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "importexport.api.permissions.IsHostOfTenant",
        "importexport.api.permissions.HasScope",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "importexport.api.negotiation.StrictNegotiation",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["importexport.api.parsers.UploadParser"],
    "EXCEPTION_HANDLER": "importexport.api.problems.handle_exception",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}

#: The permissions (view, add, change, delete) required to import and export in the admin.
IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "add"
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "view"

LOG_LEVEL = os.environ.get("LOG_LEVEL", "INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}:
    raise ImproperlyConfigured(f"LOG_LEVEL is {LOG_LEVEL!r}; expected DEBUG, INFO, WARNING, ERROR or CRITICAL.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "rally.logs.JsonFormatter"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "json"},
        "refused": {"class": "rally.logs.RefusalHandler"},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Client errors are in the log line of the request. An unknown Host header is not worth a warning.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.request": {"handlers": [], "level": "ERROR"},
        "django.security": {"handlers": ["refused"], "propagate": False},
        "django.security.DisallowedHost": {"handlers": [], "level": "CRITICAL"},
        "django.server": {"handlers": [], "propagate": True},
        # Below, it logs each request to a bucket, with its signature.
        "botocore": {"level": "WARNING"},
        # What becomes of a run is logged where it is known; a line for the beginning and the end of each job is not.
        "procrastinate": {"handlers": [], "level": "WARNING", "propagate": True},
    },
}
