#!/bin/sh
# vim:sw=4:ts=4:et

set -e

say() {
    if [ -z "${NGINX_ENTRYPOINT_QUIET_LOGS:-}" ]; then
        echo "$@"
    fi
}

if [ "$1" = "nginx" ] || [ "$1" = "nginx-debug" ]; then
    if /usr/bin/find "/docker-entrypoint.d/" -mindepth 1 -maxdepth 1 -type f -print -quit 2>/dev/null | read v; then
        say "$0: looking for scripts in /docker-entrypoint.d/"
        find "/docker-entrypoint.d/" -follow -type f -print | sort -V | while read -r f; do
            case "$f" in
                *.envsh)
                    if [ -x "$f" ]; then
                        say "$0: sourcing $f";
                        . "$f"
                    else
                        # it isn't executable (
                        say "$0: ignoring $f, not executable";
                    fi
                    ;;
                *.sh)
                    if [ -x "$f" ]; then
                        say "$0: launching $f";
                        "$f"
                    fi
                    ;;
                *) say "$0: ignoring $f";;
            esac
        done
    fi
fi

exec "$@"
