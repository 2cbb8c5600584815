#!/usr/bin/env bash
# release.sh DIRECTORY: what a release publishes, from the binaries that `make dist` has built: an archive, a .deb and an .rpm for
# each target, the bill of materials, and SHA256SUMS. No network, no clock: the same commit gives the same bytes.
. "$(dirname "$0")/lib.sh"

out=$(realpath -m "$1")
cd "$REPO"
built=$(realpath -m "${CARGO_TARGET_DIR:-target}")
version=$(sed -n '/^version = /{s/.*"\(.*\)"/\1/p;q}' Cargo.toml)
description=$(sed -n 's/^description = "\(.*\)"$/\1/p' Cargo.toml)
homepage=$(sed -n 's/^homepage = "\(.*\)"$/\1/p' Cargo.toml)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
for tool in dpkg-deb rpmbuild jq; do
    command -v $tool >/dev/null || die "$tool is missing; run: make setup"
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$out"
mkdir -p "$out"

# What lies beside the binary, whatever the target.
share=$work/share
mkdir -p "$share/man" "$share/completions"
cp "$built"/man/*.1 "$share/man/"
for shell in bash elvish fish powershell zsh; do
    "$built/$(uname -m)-unknown-linux-musl/release/harden" completions $shell >"$share/completions/harden.$shell"
done
cp LICENSE-MIT LICENSE-APACHE README.md CHANGELOG.md "$share/"

# The files of a package, as they lie in the system.
tree() { # BINARY DIRECTORY ZSH FISH
    install -D "$1" "$2/usr/bin/harden"
    for page in "$share"/man/*.1; do
        install -D -m 644 "$page" "$2/usr/share/man/man1/${page##*/}"
    done
    gzip -9n "$2"/usr/share/man/man1/*.1
    install -D -m 644 "$share/completions/harden.bash" "$2/usr/share/bash-completion/completions/harden"
    install -D -m 644 "$share/completions/harden.zsh" "$2/usr/share/zsh/$3/_harden"
    install -D -m 644 "$share/completions/harden.fish" "$2/usr/share/fish/$4/harden.fish"
}

archive() { # TARGET BINARY
    local name=harden-$version-$1
    cp -R "$share" "$work/$name"
    install -m 755 "$2" "$work/$name/harden"
    tar -C "$work" --format=ustar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=go-w -c "$name" |
        gzip -9n >"$out/$name.tar.gz"
}

deb() { # ARCHITECTURE BINARY
    local root=$work/deb-$1
    tree "$2" "$root" vendor-completions vendor_completions.d
    install -D -m 644 "$share/CHANGELOG.md" "$root/usr/share/doc/harden/changelog"
    gzip -9n "$root/usr/share/doc/harden/changelog"
    {
        printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: harden\nSource: %s\n\n' "$homepage"
        printf 'Files: *\nCopyright: the harden contributors\nLicense: Expat or Apache-2.0\n\nLicense: Expat\n'
        sed 's/^$/./; s/^/ /' LICENSE-MIT
        printf '\nLicense: Apache-2.0\n On Debian systems, /usr/share/common-licenses/Apache-2.0 has the text.\n'
    } >"$root/usr/share/doc/harden/copyright"
    mkdir "$root/DEBIAN"
    cat >"$root/DEBIAN/control" <<CONTROL
Package: harden
Version: $version
Section: admin
Priority: optional
Architecture: $1
Installed-Size: $(du -ks --apparent-size --exclude=DEBIAN "$root" | cut -f1)
Maintainer: the harden contributors <maintainers@harden.invalid>
Homepage: $homepage
Description: hardens the root file systems of container images
$(fold -s -w 78 <<<"$description" | sed 's/ *$//; s/^/ /').
CONTROL
    find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --build "$root" "$out/harden_${version}_$1.deb" >/dev/null
}

rpm() { # ARCHITECTURE BINARY
    local root=$work/rpm-$1
    tree "$2" "$root" site-functions vendor_completions.d
    install -D -m 644 "$share/LICENSE-MIT" "$root/usr/share/licenses/harden/LICENSE-MIT"
    install -m 644 "$share/LICENSE-APACHE" "$root/usr/share/licenses/harden/LICENSE-APACHE"
    find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    cat >"$work/harden.spec" <<SPEC
Name: harden
Version: $version
Release: 1
Summary: Hardens the root file systems of container images
License: MIT OR Apache-2.0
URL: $homepage
AutoReqProv: no
%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global _buildhost reproducible
%global _binary_payload w9.gzdio
%description
$description.
%install
cp -a $root/. %{buildroot}
%files
%defattr(-,root,root)
%attr(755,root,root) /usr/bin/harden
%license /usr/share/licenses/harden
%doc /usr/share/man/man1/*
/usr/share/bash-completion/completions/harden
/usr/share/zsh/site-functions/_harden
/usr/share/fish/vendor_completions.d/harden.fish
SPEC
    rpmbuild --quiet -bb --target "$1-linux" --define "_topdir $work/rpmbuild-$1" --define "_rpmdir $out" \
        --define "_rpmfilename harden-$version-1.$1.rpm" "$work/harden.spec" >"$work/rpm.log" 2>&1 ||
        { tail -n 20 "$work/rpm.log" >&2; die "rpmbuild failed"; }
}

for row in x86_64:amd64 aarch64:arm64; do
    machine=${row%:*}
    binary=$built/$machine-unknown-linux-musl/release/harden
    [ -x "$binary" ] || die "$binary is missing; run: make dist"
    archive "$machine-unknown-linux-musl" "$binary"
    deb "${row#*:}" "$binary"
    rpm "$machine" "$binary"
done
cp "$built/dist/harden.cdx.json" "$out/harden-$version.cdx.json"
(cd "$out" && LC_ALL=C sha256sum -- * >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
say "release $version: $(wc -l <"$out/SHA256SUMS") files in $out"
