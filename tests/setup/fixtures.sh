#!/usr/bin/env bash
# Compiles the little programs that stand in the example images.
. "$(dirname "$0")/lib.sh"

# The static server: one file, no crates, so plain rustc.
server=$CACHE/server
source=$REPO/docker/static-scratch/server.rs
if [ ! "$server" -nt "$source" ]; then
    (cd "$REPO" && rustc --edition 2024 --target x86_64-unknown-linux-musl -C opt-level=s -C panic=abort -C strip=symbols \
        -o "$server.part" "$source")
    mv "$server.part" "$server"
fi
"$(dirname "$0")/dotnet.sh" app
