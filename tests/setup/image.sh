#!/usr/bin/env bash
# The image that ships the binary, built from target/dist by docker/Dockerfile for this machine's engine.
. "$(dirname "$0")/lib.sh"
load_engine
arch=$("$CLIENT" version --format '{{.Server.Arch}}')
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$REPO/Cargo.toml" | head -n 1)
DOCKER_BUILDKIT=1 "$CLIENT" build -q --build-arg "TARGETARCH=$arch" --build-arg "VERSION=$version" -t "${HARDEN_IMAGE:-harden}" \
    -f "$REPO/docker/Dockerfile" "${CARGO_TARGET_DIR:-$REPO/target}/dist" >/dev/null
say "image ${HARDEN_IMAGE:-harden} ($arch)"
