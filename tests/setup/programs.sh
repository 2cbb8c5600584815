#!/usr/bin/env bash
# Writes tests/data/programs/debian.txt anew: what the packages of Debian 12 in packages.txt have of what the files in
# src/programs claim. By hand, as root, with mmdebstrap and about 5 GB in HARDEN_PROGRAM_TREES (tests/.work/programs): packages are
# installed in trees of their own, which stay there for the next time.
. "$(dirname "$0")/lib.sh"

TREES=${HARDEN_PROGRAM_TREES:-$WORK/programs}
TABLE=$REPO/tests/data/programs/packages.txt
mkdir -p "$TREES"

for tree in $(awk '!/^#/ && $2 != "-" { print $2 }' "$TABLE" | sort -u); do
    root=$TREES/tree.$tree
    mapfile -t packages < <(awk -v tree="$tree" '!/^#/ && $2 == tree { for (i = 3; i <= NF; i++) print $i }' "$TABLE" | sort -u)
    if [ ! -d "$root" ]; then
        say "tree $tree: a base"
        rm -rf "$root.new"
        mkdir "$root.new"
        mmdebstrap --quiet --variant=minbase bookworm - | tar -xpf - -C "$root.new"
        # The mirror of this machine, and no service that starts.
        cp /etc/resolv.conf "$root.new/etc/"
        rm -rf "$root.new/etc/apt"
        cp -a /etc/apt "$root.new/etc/apt"
        mkdir -p "$root.new/usr/share/keyrings"
        cp -a /usr/share/keyrings/. "$root.new/usr/share/keyrings/"
        printf '#!/bin/sh\nexit 101\n' >"$root.new/usr/sbin/policy-rc.d"
        chmod 0755 "$root.new/usr/sbin/policy-rc.d"
        mv "$root.new" "$root"
    fi
    say "tree $tree: ${#packages[@]} packages"
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare -mpf --kill-child=KILL bash -euc '
        root=$1
        shift
        mount -t proc proc "$root/proc"
        mount --bind /dev "$root/dev"
        export DEBIAN_FRONTEND=noninteractive LC_ALL=C
        chroot "$root" apt-get -qq update
        chroot "$root" apt-get -qq install -y --no-install-recommends "$@"
    ' sh "$root" "${packages[@]}" </dev/null >"$TREES/log.$tree" 2>&1 ||
        { tail -20 "$TREES/log.$tree" >&2; die "tree $tree: the packages cannot be installed"; }
done

cd "$REPO"
HARDEN_PROGRAM_TREES=$TREES cargo test --locked --test suite -- every_program_file_holds
