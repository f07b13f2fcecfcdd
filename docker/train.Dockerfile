# Image of the training job: CUDA, torch, DeepSpeed and the `train` extra.
#
#     docker build -f docker/train.Dockerfile -t leia-train .
#     docker run --rm --gpus all --ipc host --ulimit memlock=-1 -v "$PWD/build:/opt/leia/build" leia-train \
#       --num_gpus 8 training/train.py --config conf/train/llama2-7b-ja.yaml
#
# DeepSpeed compiles its ops at the first start with the nvcc of the base. The base and torch (TORCH_BACKEND) must have the same
# CUDA version. For several machines, see docs/how-to/launch-on-several-machines.md.
ARG BASE=nvidia/cuda:12.8.1-cudnn-devel-ubuntu24.04
FROM ${BASE}

# The build of torch: cu128 for CUDA 12.8; `none` for pip's default, for example without a GPU.
ARG TORCH_BACKEND=cu128

# System packages are not pinned, so that builds get security updates. pyproject.toml bounds the Python packages.
# libaio: offloading to NVMe. libibverbs: NCCL over InfiniBand. numactl: binding ranks to cores. ssh and pdsh: the launcher on
# several machines.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      ca-certificates g++ git libaio-dev libibverbs1 numactl openssh-client pdsh python3 python3-dev python3-venv \
 && rm -rf /var/lib/apt/lists/*

RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /opt/leia
# Torch first: its layer is the largest and changes least.
# hadolint ignore=DL3013
RUN if [ "$TORCH_BACKEND" = none ]; then \
      pip install --no-cache-dir 'torch>=2.10,<2.14'; \
    else \
      pip install --no-cache-dir uv \
      && uv pip install --no-cache --torch-backend "$TORCH_BACKEND" 'torch>=2.10,<2.14'; \
    fi
COPY pyproject.toml README.md LICENSE ./
COPY spark_jobs spark_jobs
COPY training training
COPY eval eval
# Install the project; pyproject.toml bounds its dependencies. Remove the folder build/ that setuptools leaves.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir '.[train]' && rm -rf build ./*.egg-info
COPY conf conf

# This user must be able to write to a volume mounted at build/.
RUN useradd --create-home --non-unique --uid 1000 leia && mkdir build && chown leia build
USER 1000
ENV HF_HOME=/opt/leia/build/huggingface \
    TORCH_EXTENSIONS_DIR=/opt/leia/build/torch_extensions
ENTRYPOINT ["deepspeed"]
CMD ["--help"]
