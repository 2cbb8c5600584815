#!/usr/bin/env bash
# Compiles the little programs that stand in the example images.
. "$(dirname "$0")/lib.sh"

# Static programs of one file each, no crates, so plain rustc: the server that images run, and the census that looks
# at an image from inside a container of it.
program() { # NAME SOURCE
    local out=$CACHE/$1 source=$REPO/$2
    [ "$out" -nt "$source" ] && return
    (cd "$REPO" && rustc --edition 2024 --target x86_64-unknown-linux-musl -C opt-level=s -C panic=abort -C strip=symbols \
        -o "$out.part" "$source")
    mv "$out.part" "$out"
}
program server docker/static-scratch/server.rs
program census tests/setup/census.rs
"$(dirname "$0")/dotnet.sh" app
