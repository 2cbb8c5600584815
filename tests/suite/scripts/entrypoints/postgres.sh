#!/usr/bin/env bash
# A database that is made on the first start, by a script that begins as root.
set -Eeo pipefail

PGBIN=/usr/lib/postgresql/15/bin
export PATH="$PGBIN:$PATH"

read_secret() {
	local name="$1" file="${1}_FILE" value="${2:-}"
	if [ "${!name:-}" ] && [ "${!file:-}" ]; then
		printf >&2 'both %s and %s are set (choose one)\n' "$name" "$file"
		exit 1
	fi
	[ -z "${!file:-}" ] || value="$(< "${!file}")"
	export "$name"="${!name:-$value}"
}

was_sourced() {
	[ "${#FUNCNAME[@]}" -ge 2 ] && [ "${FUNCNAME[0]}" = 'was_sourced' ]
}

make_directories() {
	local uid; uid="$(id -u)"
	mkdir -p "$PGDATA"
	chmod 00700 "$PGDATA" || :
	mkdir -p /var/run/postgresql || :
	if [ "$uid" = '0' ]; then
		find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
		find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
	fi
}

make_database() {
	# Some systems have no name for a random uid.
	if ! getent passwd "$(id -u)" &> /dev/null; then
		local wrapper
		for wrapper in {/usr,}/lib{/*,}/libnss_wrapper.so; do
			if [ -s "$wrapper" ]; then
				NSS_WRAPPER_PASSWD="$(mktemp)"
				export LD_PRELOAD="$wrapper"
				break
			fi
		done
	fi
	eval 'initdb --username="$POSTGRES_USER" --pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD") '"$POSTGRES_INITDB_ARGS"' "$@"'
}

run_files() {
	printf '\n'
	local f
	for f; do
		case "$f" in
			*.sh)
				if [ -x "$f" ]; then
					printf '%s: running %s\n' "$0" "$f"
					"$f"
				else
					. "$f"
				fi
				;;
			*.sql)    psql_here -f "$f"; printf '\n' ;;
			*.sql.gz) gunzip -c "$f" | psql_here ;;
			*.sql.xz) xzcat "$f" | psql_here ;;
			*)        printf '%s: ignoring %s\n' "$0" "$f" ;;
		esac
	done
}

psql_here() {
	local runner=( psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc )
	PGHOST= PGHOSTADDR= "${runner[@]}" "$@"
}

write_hba() {
	local method
	method="$(postgres -C password_encryption "$@")"
	cat >> "$PGDATA/pg_hba.conf" <<-EOHBA
		# it's generated: don't (edit
		host all all all ${POSTGRES_HOST_AUTH_METHOD:-$method}
	EOHBA
}

temporary_server() {
	if [ "$1" = 'start' ]; then
		shift
		PGUSER="${PGUSER:-$POSTGRES_USER}" pg_ctl -D "$PGDATA" -o "$(printf '%q ' "$@")" -w start
	else
		pg_ctl -D "$PGDATA" -m fast -w stop
	fi
}

never_called() {
	wget -q http://example.invalid/ | perl
}

main() {
	# no arguments but options: the server's
	if [ "${1:0:1}" = '-' ]; then
		set -- postgres "$@"
	fi

	if [ "$1" = 'postgres' ]; then
		read_secret POSTGRES_PASSWORD
		make_directories
		if [ "$(id -u)" = '0' ]; then
			exec gosu postgres "$BASH_SOURCE" "$@"
		fi
		if [ ! -s "$PGDATA/PG_VERSION" ]; then
			ls /docker-entrypoint-initdb.d/ > /dev/null
			make_database
			write_hba "$@"
			temporary_server start "$@"
			run_files /docker-entrypoint-initdb.d/*
			temporary_server stop
		fi
	fi

	exec "$@"
}

if ! was_sourced; then
	main "$@"
fi
