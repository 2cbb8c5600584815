#!/usr/bin/env bash
# Builds the static binaries: build.sh TARGET...
#
# The standard library is compiled with them, for size: as shipped it carries what prints backtraces, 200 KB of
# a binary that holds no symbols to print, and sorts and searches that are faster on more than we have. The
# toolchain is pinned, so that RUSTC_BOOTSTRAP opens what is known to work.
. "$(dirname "$0")/lib.sh"

cd "$REPO"
[ -f "$(rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ] ||
    die "the standard library's source is missing, without which the binary is over its budget; run: rustup component add rust-src"
export RUSTC_BOOTSTRAP=1
std=(-Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size)
targets=()
for target; do targets+=(--target "$target"); done
# No path of this machine in the messages of a panic: two builds in two places are the same bytes. They name the file
# and not the line, which takes 12 KB.
paths=(-Ztrim-paths --config 'profile.release.trim-paths="all"')
paths+=(--config 'target."cfg(target_env = \"musl\")".rustflags=["-Zlocation-detail=file"]')
cargo build --release --locked "${std[@]}" "${paths[@]}" "${targets[@]}" --bin harden
