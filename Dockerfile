# The pipeline as a batch job: the arguments of `docker run IMAGE …` are those of dataset-pipeline.
# Built and run by ci/launch (make build, make run), which knows the mounts, the uid and the GPUs.
#
#   CUDA  docker build -t kokoro-dataset-pipeline .
#   CPU   docker build --build-arg TORCH=cpu --build-arg BASE_IMAGE=docker.io/library/ubuntu:24.04 …
#
# Behind a proxy or mirror: secrets ca, pip and apt, and the folder ci/wheels (docs/container.md).
# Left out: a cudnn or runtime base, since torch's wheels carry their own CUDA; ffmpeg and espeak-ng
# of the system, which imageio-ffmpeg and espeakng-loader carry; weights, which come from /models;
# a health check, which a job that ends has no use for.
ARG BASE_IMAGE=docker.io/nvidia/cuda:13.0.1-base-ubuntu24.04

FROM ${BASE_IMAGE} AS base
# subtle: podman 4.3 waits for itself on a second mount with sharing=locked (image-install keeps two
# builds apart), and with a storage under /var it removes what a cache's path without its /var names:
# of target=/var/lib/apt that is /lib/apt, apt's own programs. /lib/apt/lists there is none.
RUN --mount=type=bind,source=ci,target=/ci \
    --mount=type=secret,id=ca --mount=type=secret,id=apt \
    --mount=type=cache,target=/var/cache/apt \
    --mount=type=cache,target=/var/lib/apt/lists \
    sh /ci/image-install apt python3 ca-certificates tini

FROM base AS packages
ARG TORCH=cuda
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN --mount=type=bind,source=ci,target=/ci \
    --mount=type=secret,id=ca --mount=type=secret,id=apt \
    --mount=type=cache,target=/var/cache/apt \
    --mount=type=cache,target=/var/lib/apt/lists \
    sh /ci/image-install apt python3-venv && python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
# torch by itself: half of the bytes, and the part that changes least
RUN --mount=type=bind,source=ci,target=/ci \
    --mount=type=secret,id=ca --mount=type=secret,id=pip \
    --mount=type=cache,target=/root/.cache/pip \
    sh /ci/image-install torch "$TORCH" "$TORCH_INDEX"
# hadolint ignore=DL3059
RUN --mount=type=bind,source=ci,target=/ci \
    --mount=type=secret,id=ca --mount=type=secret,id=pip \
    --mount=type=cache,target=/root/.cache/pip \
    sh /ci/image-install rest

FROM base
LABEL org.opencontainers.image.title="Kokoro Dataset Pipeline" \
      org.opencontainers.image.description="From recordings to a dataset that trains Kokoro / StyleTTS2" \
      org.opencontainers.image.licenses="Apache-2.0"
# for whoever mounts nothing there; any uid may write
RUN mkdir -m 1777 /models
COPY --from=packages /opt/venv /opt/venv
COPY LICENSE docs/licences.md /usr/share/doc/kokoro-dataset-pipeline/
COPY pipeline /app/pipeline
# Any uid may run it, with or without a passwd entry, on a read-only root with a tmpfs at /tmp (exec:
# phonemizer loads espeak-ng from a copy that it makes there)
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
