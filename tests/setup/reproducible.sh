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
    # A path of the machine that built it would differ on every other one: of this code, of crates, of the toolchain. Not
    # $HOME itself, since root's is part of src/root/edit.rs.
    for path in "$scratch" "${CARGO_HOME:-$HOME/.cargo}" "${RUSTUP_HOME:-$HOME/.rustup}" "$REPO"; do
        ! grep -qaF "$path/" "$binary" || die "the binary holds the path $path"
    done
    sums+=("$(sha256sum <"$binary")")
done
[ "${sums[0]}" = "${sums[1]}" ] || die "two builds differ: ${sums[*]}"
say "reproducible: $target ${sums[0]%% *}"
