#!/usr/bin/env bash
# Installs cargo-deny, which `make test` checks licences with, when it is missing.
. "$(dirname "$0")/lib.sh"

command -v cargo-deny >/dev/null 2>&1 && exit
say "installing cargo-deny (a few minutes, once)"
# From the top and with a directory of its own: flags and targets of this repository do not concern the tool.
cd /
CARGO_TARGET_DIR="$WORK/cargo-deny" cargo install cargo-deny --locked --quiet </dev/null || die "cargo install cargo-deny failed"
rm -rf "$WORK/cargo-deny"
