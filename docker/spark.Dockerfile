# Image of the data engine: Spark, the `spark` extra, and the tokenizer of the demo.
#
#     docker build -f docker/spark.Dockerfile -t leia-spark .
#     docker run --rm -v "$PWD/dumps:/dumps:ro" -v "$PWD/out:/out" leia-spark \
#       --config conf/corpus/demo.yaml --set dumps_dir=/dumps --set wikis='[jawiki]' --set output_dir=/out/jawiki
#
# Without arguments the image builds the sample wikis into /out.
# The base needs Python 3.11.5 and Java 17, or newer. Debian 12 is too old: it has Python 3.11.2.
ARG BASE=debian:trixie-slim
FROM ${BASE}

# Debian's packages are not pinned, so that builds get security updates. pyproject.toml bounds the Python packages.
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
# Install the project; pyproject.toml bounds its dependencies. Remove the folder build/ that setuptools leaves.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir '.[spark,demo]' && rm -rf build ./*.egg-info
COPY conf conf
COPY tests/sample tests/sample

RUN useradd --create-home --uid 1000 leia && mkdir /out && chown leia /out
USER 1000
ENTRYPOINT ["python", "-m", "spark_jobs.build"]
CMD ["--config", "conf/corpus/demo.yaml", "--set", "output_dir=/out/demo"]
