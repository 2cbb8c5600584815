# The same with the classic builder, which has neither mounts nor --output:
#   docker build -f classic.Dockerfile -t app .
#   docker build -f classic.Dockerfile --target report -t reports .
#   docker cp "$(docker create reports)":/reports .
ARG BASE=debian:12-slim
ARG HARDEN=harden

FROM ${HARDEN} AS harden

FROM ${BASE} AS app
COPY server /app/server

FROM harden AS report
WORKDIR /reports
COPY harden.toml /
COPY --from=app / /image/
RUN ["/harden", "plan", "--root", "/image", "--report", "/reports/plan.json", "--sbom", "/reports/sbom.json"]
RUN ["/harden", "plan", "--root", "/image", "--quiet", "--report", "/reports/plan.html"]

FROM app AS hardened
COPY --from=harden /harden /
COPY harden.toml /
RUN ["/harden", "apply"]
USER 1000:1000
ENTRYPOINT ["/app/server"]
