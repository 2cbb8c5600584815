#!/usr/bin/env bash
# Builds the static binaries: build.sh TARGET...
#
# The standard library is compiled with them where its source is: as shipped it carries what prints backtraces, 200 KB of
# a binary that holds no symbols to print. The toolchain is pinned, so that RUSTC_BOOTSTRAP opens what is known to work.
. "$(dirname "$0")/lib.sh"

cd "$REPO"
std=()
if [ -f "$(rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ]; then
    export RUSTC_BOOTSTRAP=1
    std=(-Zbuild-std=std,panic_abort -Zbuild-std-features=)
else
    say "no rust-src: the binaries get the standard library as shipped, and are 200 KB larger"
fi
targets=()
for target; do targets+=(--target "$target"); done
cargo build --release --locked "${std[@]}" "${targets[@]}" --bin harden
