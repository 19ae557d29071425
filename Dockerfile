# The binary on Debian 13 slim, for docker-compose.yml and for whoever runs it elsewhere.
#
#   docker build -t fovea .
#   docker build --target test .        the unit tests, on Debian 13's compiler and libraries

FROM debian:trixie-slim AS build
WORKDIR /src
COPY scripts/install.sh scripts/
RUN scripts/install.sh --for build && rm -rf /var/lib/apt/lists/*
# -march of our own targets; the default is x86-64-v3, and the compiler's own elsewhere.
ARG FOVEA_ARCH
COPY CMakeLists.txt CMakePresets.json ./
COPY vocab vocab
COPY ingest ingest
COPY profile_store profile_store
COPY scorer scorer
COPY topologies topologies
# Without the tests' folders there are no tests to configure: changing one does not rebuild this.
COPY tests/CMakeLists.txt tests/
RUN cmake --preset release ${FOVEA_ARCH:+-DFOVEA_ARCH=${FOVEA_ARCH}} \
 && cmake --build --preset release --target fovea \
 && strip -o /usr/local/bin/fovea build/release/topologies/fovea
# The packages that hold the libraries it is linked with, under this release's names for them.
RUN ldd /usr/local/bin/fovea | awk '$3 ~ "^/" { print $3 }' | xargs realpath | xargs dpkg -S \
  | cut -d: -f1 | sort -u > /runtime-packages

FROM debian:trixie-slim AS runtime
COPY --from=build /runtime-packages /tmp/
RUN apt-get update \
 && xargs apt-get install -y --no-install-recommends < /tmp/runtime-packages \
 && rm -rf /var/lib/apt/lists/* /tmp/runtime-packages
# The state directory belongs to the user before a volume is laid over it, so the volume does, too.
RUN useradd --system --uid 10001 --no-create-home fovea \
 && install -d -o fovea -g fovea /var/lib/fovea
COPY topologies/*.toml /etc/fovea/
COPY topologies/mappings /etc/fovea/mappings
COPY --from=build /usr/local/bin/fovea /usr/local/bin/fovea
USER fovea
WORKDIR /var/lib/fovea
VOLUME ["/var/lib/fovea"]
ENTRYPOINT ["fovea"]
CMD ["--help"]

# The rest needs a broker, git or packages beside those of the build, and runs on Debian 12.
FROM build AS test
RUN apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY tests tests
RUN rm -rf tests/integration tests/perf tests/fuzz \
 && cmake --preset release && cmake --build --preset release \
 && ctest --preset release -j "$(nproc)" --no-tests=error \
      -LE 'scripts|compile_fail|mutation|seeds'

# What is built when no target is named. Builders older than BuildKit make every stage before it, the
# tests too, so docker-compose.yml names the target.
FROM runtime
