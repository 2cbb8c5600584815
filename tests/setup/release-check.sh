#!/usr/bin/env bash
# release-check.sh DIRECTORY: are the files of a release what they should be? It unpacks, installs, starts and uninstalls them in
# directories of its own; the .deb also in an image of Debian, where an engine and its base are there.
. "$(dirname "$0")/lib.sh"

out=$(realpath "$1")
cd "$REPO"
version=$(sed -n '/^version = /{s/.*"\(.*\)"/\1/p;q}' Cargo.toml)
here=$(uname -m)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { die "release: $*"; }
same() { # WHAT FOUND EXPECTED
    [ "$2" = "$3" ] || fail "$1 is '$2' and should be '$3'"
}

# Nothing more and nothing less, and the sums are right.
expected=$(printf '%s\n' SHA256SUMS "harden-$version.cdx.json" "harden-$version-1".{aarch64,x86_64}.rpm \
    "harden-$version-"{aarch64,x86_64}-unknown-linux-musl.tar.gz "harden_${version}_"{amd64,arm64}.deb | LC_ALL=C sort)
same "the list of files" "$(cd "$out" && printf '%s\n' * | LC_ALL=C sort)" "$expected"
(cd "$out" && sha256sum --quiet -c SHA256SUMS) || fail "SHA256SUMS does not match"
same "the number of sums" "$(wc -l <"$out/SHA256SUMS")" "$(($(wc -l <<<"$expected") - 1))"

# One release from one commit.
tests/setup/release.sh "$work/again" >/dev/null
diff "$out/SHA256SUMS" "$work/again/SHA256SUMS" || fail "a second run gives other bytes"

# The archives: one directory, all of root, with pages for each command and a completion for each shell.
for machine in x86_64 aarch64; do
    name=harden-$version-$machine-unknown-linux-musl
    tar -xzf "$out/$name.tar.gz" -C "$work"
    cmp "$work/$name/harden" "${CARGO_TARGET_DIR:-target}/$machine-unknown-linux-musl/release/harden"
    for file in man/harden.1 man/harden-apply.1 man/harden-check-config.1 completions/harden.{bash,elvish,fish,powershell,zsh} \
        LICENSE-MIT LICENSE-APACHE README.md CHANGELOG.md; do
        [ -s "$work/$name/$file" ] || fail "$name.tar.gz has no $file"
    done
    ! tar -tvzf "$out/$name.tar.gz" | grep -vE '^[-d]r.[-x]r-[-x]r-[-x] 0/0 ' || fail "$name.tar.gz has odd owners or modes"
done
binary=$work/harden-$version-$here-unknown-linux-musl/harden
same "--version" "$("$binary" --version)" "harden $version"
# shellcheck disable=SC1090
(source "$work/harden-$version-$here-unknown-linux-musl/completions/harden.bash" && complete -p harden >/dev/null) ||
    fail "the completions of bash do not load"
jq -e --arg v "$version" '.bomFormat == "CycloneDX" and .metadata.component.version == $v and (.components | length > 10)' \
    "$out/harden-$version.cdx.json" >/dev/null || fail "the bill of materials is not that of $version"

# The packages: installed below a directory by their own tools, started, and gone without a trace.
case $here in x86_64) arch=amd64 ;; *) arch=arm64 ;; esac
deb=$out/harden_${version}_$arch.deb
same "the version of the .deb" "$(dpkg-deb -f "$deb" Version)" "$version"
root=$work/debian
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
touch "$root/var/lib/dpkg/status"
before=$(cd "$root" && find . ! -path './var/lib/dpkg/*' | LC_ALL=C sort)
of_root=(--root="$root" --force-not-root --force-script-chrootless --log=/dev/null)
dpkg "${of_root[@]}" -i "$deb" >/dev/null
same "--version of the .deb" "$("$root/usr/bin/harden" --version)" "harden $version"
zcat "$root/usr/share/man/man1/harden.1.gz" | grep '^\.TH harden 1' >/dev/null || fail "harden.1.gz is no man page"
dpkg "${of_root[@]}" -P harden >/dev/null 2>&1
same "what the .deb leaves" "$(cd "$root" && find . ! -path './var/lib/dpkg/*' | LC_ALL=C sort)" "$before"

rpm=$out/harden-$version-1.$here.rpm
same "the version of the .rpm" "$(rpm -qp --qf '%{VERSION} %{LICENSE}' "$rpm")" "$version MIT OR Apache-2.0"
root=$work/redhat
mkdir -p "$root"
of_root=(--root "$root" --dbpath /var/lib/rpm)
rpm "${of_root[@]}" --initdb 2>/dev/null
rpm "${of_root[@]}" --nodeps --noscripts -i "$rpm" 2>/dev/null
same "--version of the .rpm" "$("$root/usr/bin/harden" --version)" "harden $version"
rpm "${of_root[@]}" -e harden 2>/dev/null
[ ! -e "$root/usr/bin/harden" ] && [ ! -e "$root/usr/share/man/man1/harden.1.gz" ] || fail "the .rpm leaves files"

# shellcheck disable=SC1091
if [ -f "$WORK/engine.env" ] && . "$WORK/engine.env" && have_image harden-test/debian:12; then
    "$CLIENT" run --rm -i --network none --entrypoint sh harden-test/debian:12 -ec 'cat >/tmp/harden.deb
        dpkg -i /tmp/harden.deb >/dev/null && harden --version && harden check-config --help >/dev/null
        dpkg -P harden >/dev/null && [ ! -e /usr/bin/harden ]' <"$deb" >"$work/said"
    same "what the .deb says in Debian" "$(cat "$work/said")" "harden $version"
    say "release: the .deb was installed in an image of Debian 12"
fi

# The crate: what docs.rs and `cargo install` need, and nothing else.
stray=$(cargo package --list --locked --allow-dirty --offline 2>/dev/null | grep -vE \
    '^(src/.*\.(rs|toml|txt|css|js)|examples/man\.rs|Cargo\.(toml|lock|toml\.orig)|\.cargo_vcs_info\.json|README\.md|CHANGELOG\.md|LICENSE-(MIT|APACHE)|rust-toolchain\.toml)$' || true)
same "what is stray in the crate" "$stray" ""

# The next version: bumped, dated and tagged in a clone.
git clone -q "file://$REPO" "$work/clone" 2>/dev/null
cp tests/setup/bump.sh "$work/clone/tests/setup/"
(cd "$work/clone" && git config user.name x && git config user.email x@x.invalid && git add -A && { git diff --cached --quiet || git commit -qm x; } &&
    tests/setup/bump.sh 9.9.9 >/dev/null)
same "the tag" "$(git -C "$work/clone" describe --exact-match)" v9.9.9
same "what the tag leaves" "$(git -C "$work/clone" status --porcelain)" ""
(cd "$work/clone" && cargo metadata --locked --offline --no-deps --format-version 1 >/dev/null) || fail "Cargo.lock is not that of Cargo.toml"
same "the versions after a bump" "$(cd "$work/clone" && git grep -lF "v$version" -- docs docker action.yml .github || true)" ""
"$work/clone/tests/setup/changelog.sh" 9.9.9 >"$work/notes"
grep -q '^- ' "$work/notes" && ! grep -q '^## ' "$work/notes" || fail "the section 9.9.9 of the changelog is not one"
say "release: every file is as it should be"
