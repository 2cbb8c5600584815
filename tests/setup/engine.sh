#!/usr/bin/env bash
# Finds a Docker engine or starts one, and picks the client that can drive both of its builders.
# Writes engine.env: CLIENT, DOCKER_HOST when one was set. `engine.sh stop` ends an engine that this script started.
. "$(dirname "$0")/lib.sh"

pidfile=$WORK/dockerd.pid

if [ "${1:-start}" = stop ]; then
    if [ -s "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null; then
        kill "$(cat "$pidfile")"
        for _ in $(seq 100); do
            kill -0 "$(cat "$pidfile")" 2>/dev/null || break
            sleep 0.2
        done
        say "engine stopped"
    fi
    rm -f "$pidfile"
    exit 0
fi

# Debian's own client first: version 20.10 has both builders inside and needs no buildx.
clients=()
for c in /usr/bin/docker $(type -aP docker || true); do
    [ -x "$c" ] && clients+=("$c")
done
[ ${#clients[@]} -gt 0 ] || die "no docker client; packages.sh should have installed docker.io"

answers() { timeout 10 "$1" version >/dev/null 2>&1; }

if ! answers "${clients[0]}"; then
    [ "$(id -u)" = 0 ] || die "no engine answers and only root can start one"
    daemon=$(command -v dockerd || echo /usr/sbin/dockerd)
    [ -x "$daemon" ] || die "no engine answers and there is no dockerd; run: make setup"
    say "starting $daemon with its data in $WORK/docker"
    mkdir -p "$WORK/docker"
    # A pid file left by a machine that went away stops dockerd from starting.
    rm -f /var/run/docker.pid
    setsid nohup "$daemon" --data-root "$WORK/docker" --host unix:///var/run/docker.sock \
        >"$WORK/dockerd.log" 2>&1 </dev/null &
    echo $! >"$pidfile"
    for _ in $(seq 120); do
        answers "${clients[0]}" && break
        kill -0 "$(cat "$pidfile")" 2>/dev/null || break
        sleep 0.5
    done
    answers "${clients[0]}" || { tail -20 "$WORK/dockerd.log" >&2; die "dockerd does not answer, see $WORK/dockerd.log"; }
fi

# A client works when it builds one trivial image with each builder.
probe=$(mktemp -d)
trap 'rm -rf "$probe"' EXIT
printf 'FROM scratch\nCOPY Dockerfile /probe\n' >"$probe/Dockerfile"
chosen=
for c in "${clients[@]}"; do
    answers "$c" || continue
    DOCKER_BUILDKIT=0 "$c" build -q -t harden-test/probe "$probe" >/dev/null 2>&1 || continue
    "$c" image rm harden-test/probe >/dev/null 2>&1 || true
    DOCKER_BUILDKIT=1 "$c" build -q -t harden-test/probe "$probe" >/dev/null 2>&1 || continue
    chosen=$c
    break
done
[ -n "$chosen" ] || die "no docker client here drives both builders (tried ${clients[*]}); install Debian's docker.io"
"$chosen" image rm harden-test/probe >/dev/null 2>&1 || true

driver=$("$chosen" info --format '{{.Driver}}')
case $driver in
overlay2 | overlayfs) ;;
*) die "the engine's storage driver is $driver, the layer tests need overlay2; set HARDEN_WORK to a directory on ext4 or xfs" ;;
esac

{
    printf 'CLIENT=%s\n' "$chosen"
    [ -z "${DOCKER_HOST:-}" ] || printf 'export DOCKER_HOST=%s\n' "$DOCKER_HOST"
} >"$WORK/engine.env"
say "engine $("$chosen" version --format '{{.Server.Version}}') with $driver, client $chosen"
