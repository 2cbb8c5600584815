#!/usr/bin/env bash
# `make test`: everything that CI checks, one line per step at the end. Any failure fails the whole, after all steps
# that do not depend on it have run.
. "$(dirname "$0")/lib.sh"

export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}
# Whether a change passes depends on the change alone: the same cases each time. `make soak` looks for new ones.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-1}
cd "$REPO"
declare -a summary=()
failed=0

step() { # NAME COMMAND...
    local name=$1 begin=$SECONDS status=0
    shift
    printf '\n=== %s: %s\n' "$name" "$*"
    "$@" </dev/null || status=$?
    if [ "$status" = 0 ]; then
        summary+=("ok     $name ($((SECONDS - begin)) s)")
    else
        summary+=("FAILED $name (status $status, $((SECONDS - begin)) s)")
        failed=$((failed + 1))
    fi
    return "$status"
}

finish() {
    printf '\n=== summary\n'
    printf '%s\n' "${summary[@]}"
    if [ "$failed" = 0 ]; then
        printf 'make test: all %s steps passed in %s s\n' "${#summary[@]}" "$SECONDS"
    else
        printf 'make test: %s of %s steps FAILED\n' "$failed" "${#summary[@]}"
        exit 1
    fi
}

# Without the set-up nothing else can be judged.
step setup make --no-print-directory setup || finish
step format make --no-print-directory fmt || true
step clippy make --no-print-directory clippy || true
# Advisories need the network: the GitHub workflow checks them.
step licences cargo deny --locked check bans licenses sources || true
step binaries make --no-print-directory dist || finish
step release make --no-print-directory release-dry || true
step wiring make --no-print-directory wiring || true
step tests cargo test --locked --no-fail-fast || true
step docs env RUSTDOCFLAGS=-Dwarnings cargo doc --locked --no-deps --lib --document-private-items || true
step engine make --no-print-directory engine || true
finish
