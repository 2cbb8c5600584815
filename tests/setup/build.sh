#!/usr/bin/env bash
# Builds the static binaries: build.sh TARGET... What ships is what cargo makes of the pinned toolchain, without a flag.
. "$(dirname "$0")/lib.sh"

cd "$REPO"
targets=()
for target; do targets+=(--target "$target"); done
cargo build --release --locked "${targets[@]}" --bin harden
