# Pennyroute as a container: built from hash-locked packages, run by a user without rights.

FROM python:3.11-slim-bookworm AS build
WORKDIR /srv/pennyroute
COPY requirements.lock ./
RUN python -m venv .venv \
 && .venv/bin/python -m pip install --no-cache-dir --no-compile --require-hashes --no-deps -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY router router
COPY classifiers classifiers
COPY policies policies
# Compiled here, since the running container cannot write into its own code.
RUN .venv/bin/python -m pip install --no-cache-dir --no-compile --no-deps --no-build-isolation . \
 && .venv/bin/python -m compileall -q -j 0 .venv/lib

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 pennyroute \
 && useradd --system --uid 10001 --gid 10001 --home-dir /data --no-create-home pennyroute \
 && install --directory --owner 10001 --group 10001 --mode 0700 /data
COPY --from=build /srv/pennyroute/.venv /srv/pennyroute/.venv
ENV PATH=/srv/pennyroute/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# A pennyroute.yaml mounted here is read.
WORKDIR /srv/pennyroute
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
STOPSIGNAL SIGTERM
# Off loopback the service starts only once an API key exists: docs/deployment.md.
ENTRYPOINT ["pennyroute"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080", "--data-dir", "/data"]
