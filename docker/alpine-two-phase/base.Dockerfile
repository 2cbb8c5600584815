# First phase: a hardened base that other images build on. There is no program yet, so the
# command is `none`; apk stays, because images built on this one still install packages.
ARG BASE=alpine:3.20
ARG HARDEN=harden

FROM ${HARDEN} AS harden

FROM ${BASE}
COPY --from=harden /harden /
COPY base.toml /harden.toml
RUN ["/harden", "apply"]
