# The program on a base that holds Node and nothing else: no shell, no npm, no package manager.
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) -t countersign .
# and, for the init containers of Tasks, the same with git and ssh:
#   docker build --target system -t countersign-system .
# docs/image.md: what is inside, how to verify it, registries other than the public ones, builds that repeat bit by bit.
ARG BUILD_IMAGE=docker.io/library/node:24-slim
ARG RUN_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot
ARG SYSTEM_IMAGE=docker.io/library/debian:12-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /out/app
COPY package.json package-lock.json ./
# Another npm registry: this argument, or a whole .npmrc as the secret `npmrc`. Neither is part of the final stage.
ARG NPM_CONFIG_REGISTRY
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --omit=dev --ignore-scripts --no-bin-links --no-audit --no-fund
# Time of every file and of the SBOM, in seconds since 1970.
ARG SOURCE_DATE_EPOCH=0
# What no run of the program reads goes: source maps, types, native parts of the runtime Bare.
# What is not installed would be a problem to `npm sbom`, and what it makes up (a time, a UUID) is set.
RUN npm pkg delete devDependencies scripts allowScripts knip prettier bin files private \
 && npm sbom --sbom-format=spdx --sbom-type=application > /out/sbom.json \
 && sed -e "s/\"created\": \"[^\"]*\"/\"created\": \"$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)\"/" \
        -e "s,\"documentNamespace\": \"[^\"]*\",\"documentNamespace\": \"https://spdx.org/spdxdocs/countersign-$(sha256sum package-lock.json | cut -c 1-64)\"," \
        /out/sbom.json > sbom.spdx.json \
 && rm package-lock.json \
 && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.bare' \) -exec rm {} +
COPY LICENSE ./
COPY src ./src
# What the containers of Tasks start; it loads src/init and nothing else of the program.
RUN printf "#!/nodejs/bin/node\nimport('/app/src/init/main.ts');\n" > /out/kubeopencode \
 && chmod 755 /out/kubeopencode \
 && mkdir /out/state \
 && chmod -R u=rwX,go=rX /out/app \
 && find /out -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

FROM ${RUN_IMAGE} AS run

FROM ${SYSTEM_IMAGE} AS system
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="Countersign system image" \
      org.opencontainers.image.description="Init containers of Tasks: git-init, context-init, url-fetch" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      dev.countersign.sbom="/app/sbom.spdx.json"
# A base that has git and ssh is taken as it is. ssh wants a user that has a name.
RUN if ! command -v git || ! command -v ssh; then \
      apt-get update \
   && apt-get install --yes --no-install-recommends ca-certificates git openssh-client \
   && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*; \
    fi \
 && echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/usr/sbin/nologin' >> /etc/passwd \
 && echo 'nonroot:x:65532:' >> /etc/group
COPY --from=run /nodejs /nodejs
COPY --from=build /out/app /app
COPY --from=build /out/kubeopencode /kubeopencode
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2
WORKDIR /tmp
USER 65532:65532
ENTRYPOINT ["/kubeopencode"]

FROM run
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="Countersign" \
      org.opencontainers.image.description="Kubernetes admission: only signed, contract-bound images run" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      dev.countersign.sbom="/app/sbom.spdx.json"
# Owned by root: the program cannot change itself.
COPY --from=build /out/app /app
# Two of the three commands of the system image; git-init says where git is.
COPY --from=build /out/kubeopencode /kubeopencode
# The one folder it writes to, if no volume is there: the decision log.
COPY --from=build --chown=65532:65532 /out/state /var/lib/countersign
# Arenas of the C library for each thread would take memory that nobody uses.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2
WORKDIR /var/lib/countersign
USER 65532:65532
EXPOSE 8443 9443
# A young generation that grows with the machine and not with the work would take 100 MiB more (docs/benchmarks.md).
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=16", "/app/src/main.ts"]
CMD ["serve"]
