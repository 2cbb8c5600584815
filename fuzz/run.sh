#!/usr/bin/env bash
# cargo-fuzz over every target, two at a time, HARDEN_FUZZ_SECONDS each (600). cargo-fuzz needs flags that only a nightly
# toolchain takes; RUSTC_BOOTSTRAP opens them in the pinned one. Nothing that ships is built here.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v cargo-fuzz >/dev/null || { echo 'cargo-fuzz is missing; run: cargo install cargo-fuzz' >&2; exit 1; }
export RUSTC_BOOTSTRAP=1
logs=${CARGO_TARGET_DIR:-target}
targets=()
for file in fuzz/fuzz_targets/*.rs; do
    file=${file##*/}
    targets+=("${file%.rs}")
    mkdir -p "fuzz/corpus/${file%.rs}" "tests/corpus/${file%.rs}"
done
cargo fuzz build -s none
one() { # TARGET
    cargo fuzz run -s none "$1" "fuzz/corpus/$1" "tests/corpus/$1" -- -max_total_time="${HARDEN_FUZZ_SECONDS:-600}" \
        -timeout=25 -close_fd_mask=1 >"$logs/fuzz-$1.log" 2>&1 || { tail -50 "$logs/fuzz-$1.log"; exit 255; }
}
export -f one
export logs
printf '%s\n' "${targets[@]}" | xargs -P 2 -I '{}' bash -c 'one {}'
