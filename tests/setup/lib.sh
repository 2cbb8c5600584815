# Shared by the set-up scripts: where things are kept and how they speak. Sourced, never run.
# shellcheck shell=bash

set -euo pipefail
umask 022

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# As the Makefile has it, for a script that is started by itself.
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$REPO/target}
# Everything that set-up makes: the engine's data, base images, built fixtures. Ignored by git.
WORK=${HARDEN_WORK:-$REPO/tests/.work}
CACHE=$WORK/cache
mkdir -p "$CACHE"

say() { printf 'setup: %s\n' "$*"; }
die() {
    printf 'setup: error: %s\n' "$*" >&2
    exit 1
}

# The engine facts that engine.sh found; empty before it has run.
load_engine() {
    # shellcheck disable=SC1091
    [ ! -f "$WORK/engine.env" ] || . "$WORK/engine.env"
    [ -n "${CLIENT:-}" ] || die "no engine is recorded in $WORK/engine.env; run: make setup"
}

# True when the engine already holds this image.
have_image() { "$CLIENT" image inspect "$1" >/dev/null 2>&1; }

# publish_table PAGE: the end of a bench. Prints $scratch/table, puts it between the two marks of that page with UPDATE=1, and
# fails when $scratch/missed names a budget.
# shellcheck disable=SC2154
publish_table() {
    local page=$REPO/$1
    cat "$scratch/table"
    if [ "${UPDATE:-}" = 1 ]; then
        grep -qx '<!-- bench -->' "$page" && grep -qx '<!-- /bench -->' "$page" ||
            die "$1 has no lines '<!-- bench -->' and '<!-- /bench -->' to put the table between"
        awk -v table="$scratch/table" '
            $0 == "<!-- bench -->" { print; while ((getline line < table) > 0) print line; inside = 1; next }
            $0 == "<!-- /bench -->" { inside = 0 }
            !inside' "$page" >"$scratch/page"
        cat "$scratch/page" >"$page"
        say "$1 has the table" >&2
    fi
    [ ! -s "$scratch/missed" ] || { sed 's/^/bench: missed: /' "$scratch/missed" >&2 && exit 1; }
}
