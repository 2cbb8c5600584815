#!/usr/bin/env bash
# reproducible.sh TARGET: two clean builds, in two directories of different names, give the same bytes.
. "$(dirname "$0")/lib.sh"

target=${1:-$(uname -m)-unknown-linux-musl}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sums=()
for copy in one another-directory; do
    mkdir -p "$scratch/$copy"
    # What git knows, and what is changed and not committed yet.
    (cd "$REPO" && git ls-files -z | tar -c --null --ignore-failed-read -T -) | tar -x -C "$scratch/$copy"
    CARGO_TARGET_DIR="$scratch/$copy/target" "$scratch/$copy/tests/setup/build.sh" "$target"
    binary=$scratch/$copy/target/$target/release/harden
    # Where the code lay may not show. Panics in crates name files below CARGO_HOME: who wants the same bytes on another
    # machine sets it to the same path.
    for path in "$scratch" "$REPO"; do
        ! grep -qaF "$path/" "$binary" || die "the binary holds the path $path"
    done
    sums+=("$(sha256sum <"$binary")")
done
[ "${sums[0]}" = "${sums[1]}" ] || die "two builds differ: ${sums[*]}"
say "reproducible: $target ${sums[0]%% *}"
