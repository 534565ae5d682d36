# The image of every service that runs our own Python: Prefect's server and services, MLflow's
# server, the worker. One lock file, so that client and server never differ in version.
FROM python:3.11.13-slim-bookworm

# An index of CPU wheels of torch for PIP_EXTRA_INDEX_URL; without one, pip takes torch with CUDA.
ARG TORCH_INDEX=""

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PREFECT_HOME=/data/prefect \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    AITIMESTEPPER_ARTIFACTS=/data

RUN useradd --uid 1000 --create-home --shell /usr/sbin/nologin stepper \
    && install --directory --owner stepper --group stepper /data

WORKDIR /app

# Dependencies first: this layer stays as long as the lock file and pyproject.toml do.
COPY requirements.lock pyproject.toml README.md ./
RUN mkdir aitimestepper tasks flows \
    && touch aitimestepper/__init__.py tasks/__init__.py flows/__init__.py \
    && PIP_EXTRA_INDEX_URL="${TORCH_INDEX}" pip install --constraint requirements.lock \
       --editable ".[stack,sweep]"

COPY prefect.yaml ./
COPY aitimestepper aitimestepper
COPY tasks tasks
COPY flows flows

USER 1000:1000

# Every service of docker-compose.yml has a check of its own; this one is for the image by itself.
HEALTHCHECK --interval=60s --timeout=30s --start-period=10s \
    CMD ["aitimestepper", "status", "--json"]

CMD ["aitimestepper", "--help"]
