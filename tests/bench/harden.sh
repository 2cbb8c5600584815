#!/bin/sh
# The job of `harden apply` on a Debian image, done the way hardening scripts do it: with the image's own tools,
# inside the image, one process for each thing that is changed. Only `make bench` runs it, to compare.
#
#   harden.sh USER UID COMMAND...     keep these commands (names, without directories), nologin, and nothing else
set -eu

[ "$#" -ge 2 ] || { echo "usage: harden.sh USER UID COMMAND..." >&2; exit 2; }
user=$1 uid=$2
shift 2

# /bin, /sbin and /lib* are links on merged systems: find does not follow them, and what they lead to is in /usr.
system=
for directory in /bin /boot /etc /lib /lib32 /lib64 /sbin /usr; do
    [ -L "$directory" ] || [ ! -d "$directory" ] || system="$system $directory"
done

# The account that the image's program runs with.
grep -q "^$user:" /etc/group || groupadd -g "$uid" "$user"
grep -q "^$user:" /etc/passwd || useradd -M -d /nonexistent -s /usr/sbin/nologin -u "$uid" -g "$uid" "$user"

# Only root and that account are left; of the groups also shadow, which /etc/shadow belongs to. cat keeps mode and owner.
for file in passwd shadow subuid subgid; do
    [ -f "/etc/$file" ] || continue
    awk -F: -v user="$user" '$1 == "root" || $1 == user' "/etc/$file" >/tmp/accounts
    cat /tmp/accounts >"/etc/$file"
done
for file in group gshadow; do
    [ -f "/etc/$file" ] || continue
    awk -F: -v OFS=: -v user="$user" '$1 == "root" || $1 == user || $1 == "shadow" { $4 = ""; print }' "/etc/$file" >/tmp/accounts
    cat /tmp/accounts >"/etc/$file"
done
rm -f /tmp/accounts

# No login shell, no usable password.
sed -i 's#:[^:]*$#:/usr/sbin/nologin#' /etc/passwd
cut -d: -f1 /etc/passwd | while read -r name; do
    passwd -q -l "$name"
done

# Cron, timers, init, tunables, fstab, the home of root, what builds leave behind.
rm -rf /etc/cron* /etc/anacrontab /etc/at.* /var/spool/cron /var/spool/at /var/spool/anacron
rm -rf /etc/init.d /etc/init /etc/rc?.d /etc/inittab /etc/systemd /lib/systemd/system /var/lib/systemd
rm -rf /etc/sysctl* /etc/modprobe.d /etc/modules /etc/modules-load.d /usr/lib/sysctl.d /usr/lib/modprobe.d /usr/lib/modules-load.d
rm -f /etc/fstab
find /root -mindepth 1 -delete
find /var/log /var/cache -xdev -type f -delete
find /etc -xdev -type f \( -name '*-' -o -name '*~' -o -name '*.dpkg-*' -o -name .pwd.lock \) -delete

# System directories belong to root and nobody else writes there.
# shellcheck disable=SC2086
find $system -xdev -type d -exec chown root:root {} \; -exec chmod go-w {} \;
# shellcheck disable=SC2086
find $system -xdev -type f -perm /0022 -exec chmod go-w {} \;
find / -xdev -type f -perm -0002 -exec chmod o-w {} \;
find / -xdev -type d -perm -0002 ! -perm -1000 -exec chmod +t {} \;
for directory in /tmp /var/tmp; do
    chown root:root "$directory"
    chmod 1777 "$directory"
done

# Set-id bits go, and so do owners without an account.
find / -xdev -type f -perm /6000 -exec chmod a-s {} \;
find / -xdev \( -nouser -o -nogroup \) -exec chown -h root:root {} \;

# Device nodes, fifos and sockets belong below /dev, if anywhere.
find / -xdev ! -path '/dev/*' \( -type b -o -type c -o -type p -o -type s \) -delete

# The package manager, but not its database, which scanners read; and documentation, but not licences.
rm -rf /usr/lib/apt /usr/lib/dpkg /usr/libexec/dpkg /usr/share/dpkg /usr/share/keyrings /usr/share/debconf /var/lib/apt /var/cache/apt
rm -rf /etc/apt /etc/dpkg /etc/logrotate.d/apt /etc/logrotate.d/dpkg
rm -f /usr/lib/*/libapt-*
find /var/lib/dpkg/info -type f ! -name '*.list' ! -name '*.md5sums' -delete
find /usr/share/doc ! -type d ! -name copyright -delete
rm -rf /usr/share/man /usr/share/info /usr/share/locale /usr/share/lintian /usr/share/bash-completion

# Commands, but the kept ones and the three that the rest of this script needs.
set -- "$@" nologin
keep='! -name sh ! -name dash ! -name find'
for name; do
    keep="$keep ! -name $name"
done
commands=
for directory in /bin /sbin /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin /usr/games /usr/local/games; do
    [ -L "$directory" ] || [ ! -d "$directory" ] || commands="$commands $directory"
done
# shellcheck disable=SC2086
find $commands -xdev -mindepth 1 ! -type d $keep -delete

# Links that the above broke, and the tools that are left. The script itself goes with the copy that was run.
# shellcheck disable=SC2086
find $system -xdev -xtype l -delete
exec find /bin/sh /bin/dash /usr/bin/find -delete
