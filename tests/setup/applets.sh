#!/usr/bin/env bash
# Fetches multi-call binaries of Debian for all its processors: CACHE/applets/SUITE-ARCH-PACKAGE. The packages of busybox
# for this machine's own stay whole, to be installed in images: CACHE/applets/packages/SUITE-PACKAGE.deb. A private root
# for apt, so that this machine's own lists and architectures stay as they are.
. "$(dirname "$0")/lib.sh"

store=$CACHE/applets
apt=$store/.apt
# suite architectures packages
wanted=(
    'bookworm amd64,arm64,armhf,i386,s390x,ppc64el busybox,busybox-static'
    'trixie amd64,arm64,armhf,i386,s390x,ppc64el,riscv64 busybox,busybox-static'
    'bookworm amd64,arm64 toybox'
    'bookworm amd64 rust-coreutils'
)
machine=$(dpkg --print-architecture)
# SUITE ARCH PACKAGE: the package that stays whole, or nothing
package() { case $2-$3 in "$machine"-busybox*) echo "$store/packages/$1-$3.deb" ;; esac; }
missing=()
for line in "${wanted[@]}"; do
    read -r suite archs packages <<<"$line"
    for arch in ${archs//,/ }; do
        for package in ${packages//,/ }; do
            whole=$(package "$suite" "$arch" "$package")
            { [ -s "$store/$suite-$arch-$package" ] && { [ -z "$whole" ] || [ -s "$whole" ]; }; } ||
                missing+=("$suite $arch $package")
        done
    done
done
[ ${#missing[@]} -gt 0 ] || exit 0

say "fetching ${#missing[@]} multi-call binaries of Debian"
mkdir -p "$store/packages" "$apt"/{state/lists/partial,cache/archives/partial}
touch "$apt/status"
key=/usr/share/keyrings/debian-archive-keyring.gpg
: >"$apt/sources"
for suite in bookworm trixie; do
    echo "deb [signed-by=$key] http://deb.debian.org/debian $suite main" >>"$apt/sources"
done
options=(
    -qq -o "Dir::State=$apt/state" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache"
    -o "Dir::Etc::sourcelist=$apt/sources" -o Dir::Etc::sourceparts=- -o APT::Architecture=amd64
    -o Acquire::Languages=none -o Acquire::Retries=3
)
for arch in amd64 arm64 armhf i386 s390x ppc64el riscv64; do options+=(-o "APT::Architectures::=$arch"); done
# Not every suite has every architecture: apt says so, and what is needed is checked below.
apt-get "${options[@]}" update >"$WORK/applets.log" 2>&1 </dev/null || true
# One call for each suite: apt reads its lists anew each time, and they are long.
for suite in bookworm trixie; do
    names=()
    for line in "${missing[@]}"; do
        read -r of arch package <<<"$line"
        [ "$of" != $suite ] || names+=("$package:$arch/$suite")
    done
    [ ${#names[@]} -gt 0 ] || continue
    stage=$(mktemp -d "$store/.stage.XXXXXX")
    (cd "$stage" && apt-get "${options[@]}" download "${names[@]}" >>"$WORK/applets.log" 2>&1 </dev/null) ||
        { tail -5 "$WORK/applets.log" >&2; die "cannot fetch multi-call binaries of $suite"; }
    for deb in "$stage"/*.deb; do
        name=${deb##*/}
        arch=${name##*_}
        rm -rf "$stage/tree" "$stage/binary"
        dpkg-deb -x "$deb" "$stage/tree"
        find "$stage/tree" -type f -perm -100 \( -name busybox -o -name toybox -o -name coreutils \) \
            -exec mv {} "$stage/binary" \;
        [ -s "$stage/binary" ] || die "${name%%_*} of $suite for ${arch%.deb} holds no multi-call binary"
        mv "$stage/binary" "$store/$suite-${arch%.deb}-${name%%_*}"
        whole=$(package "$suite" "${arch%.deb}" "${name%%_*}")
        [ -z "$whole" ] || mv "$deb" "$whole"
    done
    rm -rf "$stage"
done
rm -rf "$apt"
