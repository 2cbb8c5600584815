#!/bin/sh
set -e

# options, or a configuration: redis-server's
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then
	set -- redis-server "$@"
fi

# started as root: give the data away and start again as redis
if [ "$1" = 'redis-server' -a "$(id -u)" = '0' ]; then
	find . \! -user redis -exec chown redis '{}' +
	exec gosu redis "$0" "$@"
fi

# files are private unless somebody said otherwise
um="$(umask)"
if [ "$um" = '0022' ]; then
	umask 0077
fi

exec "$@"
