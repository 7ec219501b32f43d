# pricing-ml: predictions; targets gpu and cpu (the last one, hence the default).
# The build stage is the same text in every Dockerfile of ours, so that building all of them compiles once.
ARG BASE=docker.io/library/debian:bookworm-slim
FROM ${BASE} AS build
ARG PREBUILT=""
# Where a proxy ends TLS: its certificate, mounted into the build by scripts/build-images.sh --ca.
ARG NODE_EXTRA_CA_CERTS=""
# A value of its own for each build that shall take no layer of an earlier one: scripts/build-images.sh --no-cache.
ARG FRESH=""
WORKDIR /src
COPY scripts/packages.txt scripts/packages.txt
COPY scripts/dev/install-packages.sh scripts/dev/install-packages.sh
COPY infrastructure/docker/build.sh infrastructure/docker/build.sh
RUN infrastructure/docker/build.sh packages "${PREBUILT}"
ARG CCACHE_DIR
COPY . .
RUN infrastructure/docker/build.sh compile "${PREBUILT}"
ARG SOURCE_DATE_EPOCH=0
RUN infrastructure/docker/build.sh roots

FROM scratch AS gpu
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pricing-ml-gpu" \
      org.opencontainers.image.description="AI Pricing Agent: predictions, on a device where there is one" \
      org.opencontainers.image.source="https://github.com/pricing-agent/pricing-agent" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /roots/ml /
ENV PATH=/usr/local/bin
USER 10001:10001
ENV PRICING_UI_ROOT=/usr/share/pricing/ui PRICING_HTTP_ADDRESS=0.0.0.0 PRICING_HTTP_PORT=8001 \
    PRICING_HTTP_TEMP_FOLDER=/tmp PRICING_STORAGE_ROOT=/var/lib/pricing/objects
# The container toolkit mounts the device's driver; the program is the same one and serves without a device too.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /tmp
EXPOSE 8001
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s --retries=3 CMD ["pricing-probe", "8001", "/health/live"]
ENTRYPOINT ["pricing-ml"]

FROM scratch AS cpu
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pricing-ml" \
      org.opencontainers.image.description="AI Pricing Agent: predictions" \
      org.opencontainers.image.source="https://github.com/pricing-agent/pricing-agent" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /roots/ml /
ENV PATH=/usr/local/bin
USER 10001:10001
ENV PRICING_UI_ROOT=/usr/share/pricing/ui PRICING_HTTP_ADDRESS=0.0.0.0 PRICING_HTTP_PORT=8001 \
    PRICING_HTTP_TEMP_FOLDER=/tmp PRICING_STORAGE_ROOT=/var/lib/pricing/objects
WORKDIR /tmp
EXPOSE 8001
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s --retries=3 CMD ["pricing-probe", "8001", "/health/live"]
ENTRYPOINT ["pricing-ml"]
