# The pipeline as a batch job: the arguments of `docker run IMAGE …` are those of dataset-pipeline.
# Built and run by ci/launch (make build, make run), which knows the mounts, the uid and the GPUs.
#
#   CUDA  docker build -t kokoro-dataset-pipeline .
#   CPU   docker build --build-arg TORCH=cpu --build-arg BASE_IMAGE=docker.io/library/ubuntu:24.04 …
#
# Left out: a cudnn or runtime base, since torch's wheels carry their own CUDA; ffmpeg and espeak-ng
# of the system, which imageio-ffmpeg and espeakng-loader carry; weights, which come from /models.
ARG BASE_IMAGE=docker.io/nvidia/cuda:13.0.1-base-ubuntu24.04

FROM ${BASE_IMAGE} AS packages
ARG TORCH=cuda
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# Versions of apt packages are the base image's: a mirror keeps only the newest, a pin breaks the build
# hadolint ignore=DL3008
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    apt-get update && apt-get install -y --no-install-recommends python3 python3-venv ca-certificates
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /build
COPY requirements.txt requirements-nodeps.txt ./
COPY ci/constraints.txt ci/
RUN --mount=type=cache,target=/root/.cache/pip \
    [ "$TORCH" != cpu ] || export PIP_EXTRA_INDEX_URL="$TORCH_INDEX"; \
    pip install -c ci/constraints.txt "$(grep -oE '^torch==[^ ]+' requirements.txt)"
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install -c ci/constraints.txt -r requirements.txt \
    && pip install --no-deps -r requirements-nodeps.txt

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="Kokoro Dataset Pipeline" \
      org.opencontainers.image.description="From recordings to a dataset that trains Kokoro / StyleTTS2" \
      org.opencontainers.image.licenses="Apache-2.0"
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 ca-certificates tini \
    && rm -rf /var/lib/apt/lists/* \
    && mkdir -m 1777 /models
COPY --from=packages /opt/venv /opt/venv
COPY pipeline /app/pipeline
# Any uid may run it, with or without a passwd entry, on a read-only root with a tmpfs at /tmp
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    USER=pipeline \
    XDG_CACHE_HOME=/tmp/cache \
    NUMBA_CACHE_DIR=/tmp/numba \
    TORCHINDUCTOR_CACHE_DIR=/tmp/torch \
    MPLCONFIGDIR=/tmp/matplotlib \
    KOKORO_MODELS=/models
WORKDIR /tmp
USER 1000:1000
# tini: a PID 1 that hands SIGTERM on and reaps the workers
ENTRYPOINT ["tini", "--", "python", "-P", "-m", "pipeline"]
CMD ["--help"]
