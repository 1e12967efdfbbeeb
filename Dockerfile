# The server, using the PostgreSQL in DATABASE_URL. Build: docker build -t rally .
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
COPY requirements/base.txt .
RUN /venv/bin/pip install --require-hashes -r base.txt

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
ENV RALLY_DATA_DIR=/data RALLY_BIND=0.0.0.0 PORT=8000
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py ./
COPY crm crm
COPY importexport importexport
COPY rally rally
COPY static static
COPY templates templates
COPY docs/*.md docs/
# Static files are part of the image. The key is only for this step: the container is given its own, or creates one.
RUN useradd --system --uid 10001 --no-create-home rally \
 && install -d -o rally -g rally /data \
 && SECRET_KEY=unused python manage.py collectstatic --noinput --verbosity 0 \
 && chown -R rally:rally /data
USER rally
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/readyz', timeout=4)"]
# Migrates while holding a lock, then execs gunicorn, so that it is process 1 and receives the signals.
CMD ["python", "manage.py", "serve"]
