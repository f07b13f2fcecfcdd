# The data engine in an image: Spark, the `spark` extra, and the tokenizer of the demonstration.
#
#     docker build -f docker/spark.Dockerfile -t leia-spark .
#     docker run --rm -v "$PWD/dumps:/dumps:ro" -v "$PWD/out:/out" leia-spark \
#       --config conf/corpus/demo.yaml --set dumps_dir=/dumps --set wikis='[jawiki]' --set output_dir=/out/jawiki
#
# Without arguments it builds the sample wikis into /out.
# Python 3.11.5 or newer and Java 17 or newer: Debian 12 has the Java, but Python 3.11.2.
ARG BASE=debian:trixie-slim
FROM ${BASE}

# Debian's own security updates are wanted, so its packages are not pinned; ours are bounded in pyproject.toml.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends default-jre-headless procps python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*

RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /opt/leia
COPY pyproject.toml README.md LICENSE ./
COPY spark_jobs spark_jobs
COPY training training
COPY eval eval
# Our own package from this folder: pyproject.toml bounds what it needs. Setuptools leaves a folder build/ behind.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir '.[spark,demo]' && rm -rf build ./*.egg-info
COPY conf conf
COPY tests/sample tests/sample

RUN useradd --create-home --uid 1000 leia && mkdir /out && chown leia /out
USER 1000
ENTRYPOINT ["python", "-m", "spark_jobs.build"]
CMD ["--config", "conf/corpus/demo.yaml", "--set", "output_dir=/out/demo"]
