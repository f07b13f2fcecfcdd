# The training job in an image: CUDA, torch, DeepSpeed and the `train` extra.
#
#     docker build -f docker/train.Dockerfile -t leia-train .
#     docker run --rm --gpus all --ipc host --ulimit memlock=-1 -v "$PWD/build:/opt/leia/build" leia-train \
#       --num_gpus 8 training/train.py --config conf/train/llama2-7b-ja.yaml
#
# The base has nvcc, with which DeepSpeed compiles what it needs at the first start; its CUDA and torch's (TORCH_BACKEND) are one
# version. Several machines: see docs/how-to/launch-on-several-machines.md.
ARG BASE=nvidia/cuda:12.8.1-cudnn-devel-ubuntu24.04
FROM ${BASE}

# Which build of torch: cu128 is that of CUDA 12.8; `none` takes what pip itself finds, as on a machine without a GPU.
ARG TORCH_BACKEND=cu128

# Debian's and Ubuntu's own security updates are wanted, so their packages are not pinned; ours are bounded in pyproject.toml.
# libaio is for offloading to NVMe, libibverbs for NCCL over InfiniBand, numactl for binding ranks to cores, ssh and pdsh for the
# launcher on several machines.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      ca-certificates g++ git libaio-dev libibverbs1 numactl openssh-client pdsh python3 python3-dev python3-venv \
 && rm -rf /var/lib/apt/lists/*

RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /opt/leia
# Torch first: it is the largest layer and changes least.
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
# Our own package from this folder: pyproject.toml bounds what it needs. Setuptools leaves a folder build/ behind.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir '.[train]' && rm -rf build ./*.egg-info
COPY conf conf

# A volume that is mounted at build/ must be writable for this user.
RUN useradd --create-home --non-unique --uid 1000 leia && mkdir build && chown leia build
USER 1000
ENV HF_HOME=/opt/leia/build/huggingface \
    TORCH_EXTENSIONS_DIR=/opt/leia/build/torch_extensions
ENTRYPOINT ["deepspeed"]
CMD ["--help"]
