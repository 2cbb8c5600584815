#!/usr/bin/env bash
# lynis.sh ROOT BOX: Lynis's report of its tests of files and accounts, run in an overlay of ROOT with programs from BOX,
# since ROOT may have none. Runs in a mount namespace of its own.
set -euo pipefail
at=$(mktemp -d)
trap 'umount -R "$at"; rmdir "$at"' EXIT
mount -t tmpfs tmpfs "$at"
mkdir "$at"/{up,work,root}
mount -t overlay overlay -o "lowerdir=$1,upperdir=$at/up,workdir=$at/work" "$at/root"
mkdir -p "$at/root/.judge" "$at/root/dev" "$at/root/proc"
mount --bind "$2" "$at/root/.judge"
mount -t tmpfs tmpfs "$at/root/dev"
mknod -m 666 "$at/root/dev/null" c 1 3
mount -t proc proc "$at/root/proc"
chroot=$(type -P chroot)
env -i PATH=/.judge/bin LD_LIBRARY_PATH=/.judge/lib LC_ALL=C "$chroot" "$at/root" /.judge/bin/sh -c '
    umask 077
    cd /.judge/lynis
    exec /.judge/bin/sh ./lynis audit system --quick --quiet --no-colors --profile default.prf \
        --logfile /dev/log --report-file /dev/report --tests "AUTH-9204 AUTH-9208 AUTH-9216 AUTH-9222 AUTH-9226 AUTH-9228
            AUTH-9229 AUTH-9252 AUTH-9283 AUTH-9286 AUTH-9328 FILE-6354 FILE-6362 FILE-6363 FILE-7524 HOME-9302 HOME-9304
            HOME-9306 HOME-9310 SHLL-6211 SHLL-6230 SCHD-7704 BANN-7126 KRNL-5820"' >&2
cat "$at/root/dev/report"
