#!/bin/bash
set -eo pipefail
shopt -s nullglob

note() { printf '%s [Note]: %s\n' "$(date --rfc-3339=seconds)" "$*"; }
fail() { note "$@" >&2; exit 1; }

check_config() {
	local toRun=( "$@" --verbose --help ) errors
	if ! errors="$("${toRun[@]}" 2>&1 >/dev/null)"; then
		fail $'mysqld failed while checking\n\tcommand was: '"${toRun[*]}"$'\n\t'"$errors"
	fi
}

get_config() {
	local conf="$1"; shift
	"$@" --verbose --help --log-bin-index="$(mktemp -u)" 2>/dev/null \
		| awk -v conf="$conf" '$1 == conf && /^[^ \t]/ { sub(/^[^ \t]+[ \t]+/, ""); print; exit }'
}

if command -v openssl > /dev/null; then
	secret() { openssl rand -base64 24; }
else
	secret() { head -c 24 /dev/urandom | base64; }
fi

if [ "${1:0:1}" = '-' ]; then
	set -- mysqld "$@"
fi

if [ "$1" = 'mysqld' ]; then
	check_config "$@"
	datadir="$(get_config datadir "$@")"
	if [ "$(id -u)" = "0" ]; then
		mkdir -p "$datadir"
		chown -R mysql:mysql "$datadir"
		exec gosu mysql "$BASH_SOURCE" "$@"
	fi
	[ -d "$datadir/mysql" ] || {
		MYSQL_ROOT_PASSWORD="$(secret)"
		mysqld --initialize-insecure --datadir="$datadir"
		mysql <<-EOSQL
			ALTER USER 'root'@'localhost' IDENTIFIED BY '${MYSQL_ROOT_PASSWORD}';
		EOSQL
	}
fi

exec "$@"
