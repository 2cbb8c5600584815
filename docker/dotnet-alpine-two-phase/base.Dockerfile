# First phase on Microsoft's Alpine image: see ../alpine-two-phase for the same on plain Alpine.
ARG BASE=mcr.microsoft.com/dotnet/runtime-deps:8.0-alpine
ARG HARDEN=harden

FROM ${HARDEN} AS harden

FROM ${BASE}
COPY --from=harden /harden /
COPY base.toml /harden.toml
RUN ["/harden", "apply"]
