# docker build -t digest .
#
# On Linux, torch comes with what a graphics card needs. Where there is none, name torch's CPU
# index and the image is smaller by gigabytes:
#   docker build --build-arg PIP_EXTRA_INDEX_URL=… -t digest .

FROM python:3.11.14-slim-bookworm AS build
ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /venv

# The libraries and the model's weights first: this layer stays as it is until they change.
COPY pyproject.toml constraints.txt ./
# With the drivers for PostgreSQL and Dask, so that one image is the service and its workers.
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; extras = p['optional-dependencies']; print(*p['dependencies'], *extras['postgres'], *extras['dask'], sep='\n')" > requirements.txt \
    && /venv/bin/pip install --constraint constraints.txt --requirement requirements.txt

COPY LICENSE README.md ./
COPY digest digest
COPY templates templates
RUN /venv/bin/pip install --no-deps .


FROM python:3.11.14-slim-bookworm
# The number is fixed, so that folders mounted from outside can be given to it.
RUN groupadd --gid 10001 digest \
    && useradd --uid 10001 --gid digest --no-create-home --home-dir /data --shell /usr/sbin/nologin digest \
    && install --directory --owner=digest --group=digest /data /data/state /data/outbox /data/backups /data/models
COPY --from=build /venv /venv
COPY --chown=digest:digest feeds.yaml /data/feeds.yaml

ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/data/models \
    HF_HUB_OFFLINE=1 \
    DIGEST_CONFIG=/data/feeds.yaml \
    DIGEST_STATE_DIR=/data/state \
    DIGEST_OUTBOX_DIR=/data/outbox
USER 10001:10001
WORKDIR /data
VOLUME ["/data/state", "/data/outbox"]
EXPOSE 8000
STOPSIGNAL SIGTERM
# Whether it lives: an orchestrator ends what is unhealthy, and a restart mends no database. Whether
# all is well is asked at /readyz.
# Not urllib: it would ask a proxy named in the environment.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from http.client import HTTPConnection; c = HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["digest"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000", "--no-browser"]
