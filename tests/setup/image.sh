#!/usr/bin/env bash
# The image that ships the binary, built from target/dist by docker/Dockerfile for this machine's engine.
. "$(dirname "$0")/lib.sh"
load_engine
arch=$("$CLIENT" version --format '{{.Server.Arch}}')
version=$(sed -n '/^version = /{s/.*"\(.*\)"/\1/p;q}' "$REPO/Cargo.toml")
DOCKER_BUILDKIT=1 "$CLIENT" build -q --build-arg "TARGETARCH=$arch" --build-arg "VERSION=$version" -t "${HARDEN_IMAGE:-harden}" \
    -f "$REPO/docker/Dockerfile" "${CARGO_TARGET_DIR:-$REPO/target}/dist" >/dev/null
label=$("$CLIENT" image inspect --format '{{index .Config.Labels "org.opencontainers.image.version"}}' "${HARDEN_IMAGE:-harden}")
said=$("$CLIENT" run --rm --network none "${HARDEN_IMAGE:-harden}" --version)
[ "$said" = "harden $label" ] || die "the image is labelled '$label', and its program says '$said'"
say "image ${HARDEN_IMAGE:-harden} ($arch)"
