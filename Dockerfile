# One image for every process; which one it is, the command says (docker-compose.yml, ops/processes.py).
# This first stage has a compiler, for gunicorn's HTTP parser in C; the image itself has none.
FROM python:3.11.14-trixie AS packages
COPY requirements.lock requirements-build.lock requirements-fast.lock /tmp/
RUN python -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: \
       --requirement /tmp/requirements.lock \
    && /opt/venv/bin/python -m pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: \
       --target /tmp/builder --requirement /tmp/requirements-build.lock \
    && PYTHONPATH=/tmp/builder /opt/venv/bin/python -m pip install --no-cache-dir --require-hashes --no-deps \
       --no-binary :all: --no-build-isolation --requirement /tmp/requirements-fast.lock

FROM python:3.11.14-slim-trixie
# pg_dump, pg_restore and psql of the server's major version, for backups: Debian's own are older, PostgreSQL's are signed
# by a key that Debian's postgresql-common brings.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install --yes --no-install-recommends postgresql-client-18 \
    && apt-get clean && rm -rf /var/lib/apt/lists/*
# A new volume has the owner of the folder that it covers.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin holdfast
RUN install --directory --owner=10001 --mode=0700 /backups
RUN install --directory --owner=10001 --mode=0755 /pages
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY core core
COPY api api
COPY workers workers
COPY notifier notifier
COPY ops ops
COPY web web
RUN printf '#!/bin/sh\nexec python -P -m ops.cli "$@"\n' > /opt/venv/bin/holdfast && chmod 755 /opt/venv/bin/holdfast
# What this image is of: without both, or with another version than the code's, nothing is built (ops/image_stamp.py).
ARG VERSION
ARG COMMIT
RUN python -m ops.image_stamp "$VERSION" "$COMMIT"
LABEL org.opencontainers.image.title="Holdfast" \
      org.opencontainers.image.description="A booking backend that never books one place twice" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
# No bytecode can be written later: the file system is read-only then.
RUN python -m compileall -q /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONTZPATH= \
    HOME=/tmp
USER 10001
CMD ["python", "-m", "ops.cli", "processes"]
