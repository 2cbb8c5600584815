#!/usr/bin/env bash
# changelog.sh VERSION: the section of CHANGELOG.md, for the page of the release.
set -euo pipefail
cd "$(dirname "$0")/../.."
awk -v head="## [$1]" 'index($0, "## [") == 1 { on = index($0, head) == 1; next } on' CHANGELOG.md | sed '/./,$!d' | grep . ||
    { echo "CHANGELOG.md has no section [$1]" >&2; exit 1; }
