#!/usr/bin/env bash
# bump.sh VERSION: makes the commit and the tag of a release. It pushes nothing: `git push origin main vVERSION` does, and the
# workflow release.yml publishes what the tag holds.
set -euo pipefail
cd "$(dirname "$0")/../.."
die() {
    echo "bump: error: $*" >&2
    exit 1
}
new=${1:-}
[[ $new =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || die "usage: bump.sh VERSION, such as 1.2.0"
old=$(sed -n '/^version = /{s/.*"\(.*\)"/\1/p;q}' Cargo.toml)
[ -z "$(git status --porcelain)" ] || die "there are changes that are not committed"
! git rev-parse -q --verify "refs/tags/v$new" >/dev/null || die "the tag v$new exists"
awk '/^## \[Unreleased\]/ { on = 1; next } /^## \[/ { on = 0 } on && /^- /' CHANGELOG.md | grep . >/dev/null ||
    die "CHANGELOG.md has nothing below [Unreleased]"

sed -i "0,/^version = \"$old\"$/s//version = \"$new\"/" Cargo.toml
sed -i "/^name = \"harden\"$/{n;s/^version = \"$old\"$/version = \"$new\"/}" Cargo.lock fuzz/Cargo.lock
sed -i "s/^## \[Unreleased\]$/&\n\n## [$new] - $(date -u +%F)/" CHANGELOG.md
# The release that examples and files for pipelines name.
git grep -lF "v$old" -- docs docker action.yml .github | xargs -r sed -i "s/v${old//./\\.}\b/v$new/g"
git grep -lF "version: \"$old\"" -- docker | xargs -r sed -i "s/version: \"${old//./\\.}\"/version: \"$new\"/"
git commit -qam "harden $new"
git tag -a "v$new" -m "harden $new"
echo "bump: $old is $new, committed and tagged; publish it with: git push origin HEAD v$new"
