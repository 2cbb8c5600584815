#!/usr/bin/env bash
# Installs what the tests need and the machine lacks: Debian packages and Rust targets.
. "$(dirname "$0")/lib.sh"

# command that proves the package is there : package
needs=(
    dockerd:docker.io iptables:iptables buildah:buildah skopeo:skopeo umoci:umoci mmdebstrap:mmdebstrap mcs:mono-mcs
    strace:strace setfattr:attr setfacl:acl setcap:libcap2-bin pwck:passwd jq:jq curl:curl openssl:openssl unzip:unzip
    hyperfine:hyperfine /usr/bin/time:time readelf:binutils xz:xz-utils qemu-aarch64-static:qemu-user-static
    bsdtar:libarchive-tools pax:pax cpio:cpio busybox:busybox-static 7z:p7zip-full python3:python3 perl:perl
    rpmbuild:rpm npm:npm yq:yq script:bsdutils xmllint:libxml2-utils oscap:openscap-scanner wrk:wrk ps:procps
)
missing=()
for need in "${needs[@]}"; do
    command -v "${need%%:*}" >/dev/null 2>&1 || [ -x "/usr/sbin/${need%%:*}" ] || missing+=("${need#*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
    command -v apt-get >/dev/null || die "missing: ${missing[*]}; there is no apt-get here, install them by hand"
    [ "$(id -u)" = 0 ] || die "missing: ${missing[*]}; run as root: apt-get install ${missing[*]}"
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # A policy that says no: nothing that is installed here may start a service by itself.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$WORK/apt.log" 2>&1 </dev/null ||
        { tail -20 "$WORK/apt.log" >&2; die "apt-get install failed"; }
fi

# The targets of rust-toolchain.toml; present after the first time.
installed=$(rustup target list --installed 2>/dev/null || true)
for target in x86_64-unknown-linux-musl aarch64-unknown-linux-musl; do
    grep -qx "$target" <<<"$installed" || (cd "$REPO" && rustup target add "$target")
done
