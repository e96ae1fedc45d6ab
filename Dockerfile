# One image for every service of ours. The stage `packages` is thrown away: pip stays there.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
FROM ${PYTHON_IMAGE} AS packages
WORKDIR /build
# PARQUET=true: with the package that docs/parquet.md needs.
ARG PARQUET=false
COPY requirements.lock requirements-parquet.lock ./
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --no-compile \
        --only-binary :all: --require-hashes -r requirements.lock \
    && if [ "$PARQUET" = true ]; then python -m pip --python /opt/venv/bin/python install --no-cache-dir --no-compile \
        --disable-pip-version-check --only-binary :all: --require-hashes -r requirements-parquet.lock; fi \
    && find /opt/venv -depth -type d \( -name tests -o -name test \) -path '*/site-packages/*' -exec rm -rf {} + \
    && /opt/venv/bin/python -m compileall -q /opt/venv/lib

# The model is trained anew only where its own code or the packages change.
FROM packages AS model
COPY streams/__init__.py streams/
COPY streams/process/ streams/process/
COPY models/ models/
RUN /opt/venv/bin/python -m models.train --out /model/model.skops

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Hindsight" \
      org.opencontainers.image.description="How wrong your regression model is, live, although the truth arrives later" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm"
# haproxy is the service `page`. Debian keeps no older version of it that could be named here.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends haproxy \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /usr/local/lib/python3.11/site-packages/* /usr/local/lib/python3.11/ensurepip \
        /usr/local/bin/pip* /usr/local/bin/wheel* \
    && mkdir -p /app/logs /var/lib/hindsight /run/hindsight /run/rabbitmq \
    && chown 1000:1000 /app/logs /var/lib/hindsight
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY --from=model /model/ models/
COPY . .
# In place of Faust's own script, which tells of a misspelt app with a traceback.
RUN { echo '#!/opt/venv/bin/python'; cat commands/faust_script.py; } > /opt/venv/bin/faust
RUN /opt/venv/bin/python -m compileall -q streams bridge agents web commands models container
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HINDSIGHT_STATE_DIR=/var/lib/hindsight \
    HINDSIGHT_LOGS_DIR=logs
USER 1000:1000
EXPOSE 6066 6067
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --retries=3 CMD ["python", "-m", "container.healthy"]
CMD ["faust", "-A", "streams", "worker", "-l", "info"]
