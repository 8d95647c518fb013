"""Settings, all from the environment; ``docs/configuration.md`` lists every variable."""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playground.console import admin_look
from playground.core import environment, logging, silos
from playground.core.embedded import credentials
from playground.core.embedded.places import Places

BASE_DIR = Path(__file__).resolve().parent.parent

# The data folder and what it knows
PLAYGROUND_HOME = Path(environment.text("PLAYGROUND_HOME", str(BASE_DIR / ".playground")))
PLACES = Places.under(PLAYGROUND_HOME)
_known = credentials.load(PLACES.credentials)

# How it is reached
PORT = environment.whole("PORT", 8000, least=1, most=65535)
PLAYGROUND_HOST = environment.text("PLAYGROUND_HOST", "127.0.0.1")
PLAYGROUND_PUBLIC_URL = environment.text("PLAYGROUND_PUBLIC_URL", f"http://127.0.0.1:{PORT}")
_public = urlsplit(PLAYGROUND_PUBLIC_URL)
if _public.scheme not in ("http", "https") or not _public.hostname:
    raise environment.InvalidSetting("PLAYGROUND_PUBLIC_URL must begin with http:// or https://")
PLAYGROUND_PUBLIC_URL = PLAYGROUND_PUBLIC_URL.rstrip("/")
ALLOWED_HOSTS = [
    "localhost",
    "127.0.0.1",
    "[::1]",
    _public.hostname,
    *environment.words("PLAYGROUND_ALLOWED_HOSTS"),
]
if PLAYGROUND_HOST not in ("0.0.0.0", "::"):
    ALLOWED_HOSTS.append(PLAYGROUND_HOST)
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]

# Development or production
PLAYGROUND_ENVIRONMENT = environment.one_of(
    "PLAYGROUND_ENVIRONMENT", "development", ("development", "production")
)
DEBUG = environment.switch("PLAYGROUND_DEBUG")
PLAYGROUND_CAPTURE = environment.one_of(
    "PLAYGROUND_CAPTURE",
    "full" if PLAYGROUND_ENVIRONMENT == "development" else "redacted",
    ("full", "redacted", "none"),
)

# Models
OPENAI_API_KEY = environment.text("OPENAI_API_KEY")
OPENAI_BASE_URL = environment.text("OPENAI_BASE_URL").rstrip("/")
OPENAI_MODEL = environment.text("OPENAI_MODEL")
PLAYGROUND_SCRIPTED = environment.switch("PLAYGROUND_SCRIPTED")

# Limits
PLAYGROUND_RATE_LIMITS = environment.one_of("PLAYGROUND_RATE_LIMITS", "on", ("on", "off")) == "on"

PLAYGROUND_QUOTAS_WITHOUT_REDIS = environment.one_of(
    "PLAYGROUND_QUOTAS_WITHOUT_REDIS", "closed", ("closed", "open")
)

PLAYGROUND_CALL_LEASE_S = environment.number("PLAYGROUND_CALL_LEASE_S", 60, least=1, most=3600)

# Runs
PLAYGROUND_LEASE_S = environment.number("PLAYGROUND_LEASE_S", 15, least=1, most=3600)
PLAYGROUND_SWEEP_S = environment.number("PLAYGROUND_SWEEP_S", 1, least=0.05, most=60)
PLAYGROUND_WORKER_THREADS = environment.whole("PLAYGROUND_WORKER_THREADS", 8, least=1, most=256)

# Applications
INSTALLED_APPS = [
    "daphne",
    "unfold.apps.BasicAppConfig",
    "playground.policy.apps.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "django_htmx",
    "template_partials",
    "ninja",
    "playground.core",
    "playground.policy",
    "playground.tracing",
    "playground.messaging",
    "playground.gateway",
    "playground.prompts",
    "skills",
    "skills.hiring",
    "agents",
    "playground.console",
    "playground.checks.PlaygroundConfig",
]
MIDDLEWARE = [
    "playground.core.middleware.RequestId",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "playground.policy.csp.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "playground.policy.authentication.ContextMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "playground.urls"
ASGI_APPLICATION = "playground.asgi.application"
APPEND_SLASH = False
AUTH_USER_MODEL = "policy.User"
LOGIN_URL = "login"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# Secrets and cookies
PLAYGROUND_SECRET_KEY = environment.text("PLAYGROUND_SECRET_KEY")
# Without a data folder (a type checker, makemigrations) nothing is signed that must last.
SECRET_KEY = PLAYGROUND_SECRET_KEY or (_known.secret_key if _known else secrets.token_urlsafe(48))
SECRET_KEY_FALLBACKS = environment.words("PLAYGROUND_OLD_SECRET_KEYS")
_over_tls = _public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _over_tls
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "playground.core.problems.csrf_failed"
# Several Playgrounds on one machine differ by port only, which cookies do not see.
SESSION_COOKIE_NAME = f"playground_{PORT}"
CSRF_COOKIE_NAME = f"playground_csrf_{PORT}"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _over_tls else None
SECURE_HSTS_SECONDS = 31_536_000 if _over_tls else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

# The three silos
PLAYGROUND_DB_ROLE = environment.one_of("PLAYGROUND_DB_ROLE", "app", ("app", "owner"))
PLAYGROUND_DB_POOL = environment.whole("PLAYGROUND_DB_POOL", 20, least=0, most=500)
EMBEDDED_POSTGRES = not environment.text("DATABASE_URL")
SILOS = silos.locate(
    {
        "default": environment.text("DATABASE_URL"),
        "memory": environment.text("MEMORY_DATABASE_URL"),
        "client_data": environment.text("CLIENT_DATABASE_URL"),
    },
    sockets=PLACES.sockets,
    superuser_password=_known.passwords.get(credentials.SUPERUSER) if _known else None,
)


def _connection(silo: silos.Silo) -> dict[str, Any]:
    role = silo.owner if PLAYGROUND_DB_ROLE == "owner" else silo.app
    options: dict[str, Any] = {"connect_timeout": 10, **silo.options}
    if PLAYGROUND_DB_POOL and PLAYGROUND_DB_ROLE == "app":
        options["pool"] = {"min_size": 0, "max_size": PLAYGROUND_DB_POOL, "timeout": 10}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": silo.host,
        "PORT": silo.port,
        "NAME": silo.name,
        "USER": role,
        "PASSWORD": _known.passwords.get(role, "") if _known else "",
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


DATABASES = {silo.alias: _connection(silo) for silo in SILOS}
DATABASE_ROUTERS = ["playground.core.silos.SiloRouter"]

# Redis and Celery, which is only the doorbell: it stores nothing and repeats nothing
EMBEDDED_REDIS = not environment.text("REDIS_URL")
REDIS_URL = environment.text("REDIS_URL", _known.redis_url if _known else "redis://127.0.0.1:1/0")
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "global_keyprefix": "celery:",
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "playground"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = PLAYGROUND_WORKER_THREADS
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TIMEZONE = "UTC"

# Static files: hashed and compressed once they were collected at the start
PLAYGROUND_STATIC = environment.one_of("PLAYGROUND_STATIC", "hashed", ("hashed", "plain"))
STATIC_URL = "/static/"
STATIC_ROOT = PLACES.static
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PLAYGROUND_STATIC == "hashed"
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = PLAYGROUND_STATIC == "plain"

# The look of the administration
UNFOLD = admin_look.UNFOLD

# Words and time
LANGUAGE_CODE = "en"
USE_I18N = False
FORMAT_MODULE_PATH = "playground.core.formats"
USE_TZ = True
TIME_ZONE = "UTC"

# Logs
PLAYGROUND_LOG_LEVEL = environment.one_of(
    "PLAYGROUND_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")
)
PLAYGROUND_LOG_FORMAT = environment.one_of("PLAYGROUND_LOG_FORMAT", "text", ("text", "json"))
LOGGING_CONFIG = None
logging.configure(level=PLAYGROUND_LOG_LEVEL, form=PLAYGROUND_LOG_FORMAT)
