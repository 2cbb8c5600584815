#!/usr/bin/env bash
# The demonstration: a real .NET program on Debian with a hole in it, attacked before and after `harden apply`.
# Ends with status 1 when anything turned out otherwise than it says.
. "$(dirname "$0")/../setup/lib.sh"
load_engine

base=harden-test/debian:12-dotnet
context=$(mktemp -d)
containers=()
images=(harden-demo-before harden-demo-after)
clean_up() {
    [ ${#containers[@]} = 0 ] || "$CLIENT" rm -f "${containers[@]}" >/dev/null 2>&1 || true
    "$CLIENT" image rm -f "${images[@]}" >/dev/null 2>&1 || true
    rm -rf "$context"
}
trap clean_up EXIT
wrong=0

cp -a "$REPO/docker/dotnet-debian/." "$context"
cp -a "$CACHE/dotnet/app" "$context/app"

title() { printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9;]*m//g'; fi; }

start() { # NAME IMAGE OPTIONS...: the address of a started container, once it answers
    local name=$1 image=$2
    shift 2
    containers+=("$("$CLIENT" run -d "$@" "$image")")
    address=$("$CLIENT" inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "${containers[-1]}")
    for _ in $(seq 100); do
        curl -fs --noproxy '*' "http://$address:8080/" >/dev/null 2>&1 && return
        sleep 0.1
    done
    "$CLIENT" logs "${containers[-1]}" >&2
    die "the $name image does not serve"
}

# What the attacker tries; `?` starts the arguments, `&` parts them.
attacks=('id' 'sh?-c&id' 'wget?--version' 'apt?--version' 'su?--version' 'perl?-V:version' 'cat?/etc/passwd')

attack() { # before|after
    local a answer verdict
    printf 'GET /          %s\n' "$(curl -fs --noproxy '*' "http://$address:8080/")"
    for a in "${attacks[@]}"; do
        answer=$(curl -fs --noproxy '*' "http://$address:8080/exec/$a" | sed -n 1p | cut -c1-70)
        verdict=
        case $1:$answer in
        before:exit*) ;;
        after:ENOENT*) ;;
        *)
            verdict='   <-- not as expected'
            wrong=$((wrong + 1))
            ;;
        esac
        printf '/exec/%-9s %s%s\n' "${a%%\?*}" "$answer" "$verdict"
    done
}

title '1. The image as people build it'
printf 'FROM %s\nCOPY app /app\nUSER 1000:1000\nENTRYPOINT ["dotnet", "/app/MyApp.dll"]\n' "$base" >"$context/before.Dockerfile"
DOCKER_BUILDKIT=1 "$CLIENT" build -q -f "$context/before.Dockerfile" -t harden-demo-before "$context" >/dev/null
start before harden-demo-before
attack before

title '2. What harden would do: harden plan'
mkdir -p "$WORK/demo"
"$CLIENT" run --rm -u 0 -v "$WORK/demo:/run/demo" -v "${CARGO_TARGET_DIR:-$REPO/target}/dist/$("$CLIENT" version --format '{{.Server.Arch}}')/harden:/run/harden:ro" \
    -v "$context/harden.toml:/run/harden.toml:ro" --entrypoint /run/harden harden-demo-before \
    plan --report /run/demo/plan.html >"$context/plan.txt" 2>&1 ||
    { cat "$context/plan.txt"; die 'harden plan failed'; }
head -12 "$context/plan.txt"
printf '  ... (%s lines)\n' "$(wc -l <"$context/plan.txt")"
tail -12 "$context/plan.txt"

title '3. The same image with harden in its Dockerfile'
sed -n '/^FROM \${BASE}/,$p' "$context/Dockerfile"
DOCKER_BUILDKIT=1 "$CLIENT" build --progress plain --no-cache --build-arg "BASE=$base" --build-arg "HARDEN=${HARDEN_IMAGE:-harden}" \
    -t harden-demo-after "$context" >"$context/build.txt" 2>&1 || { cat "$context/build.txt"; die 'the build failed'; }
title '   what the build said'
sed -n 's/^#[0-9]* [0-9.]* //p' "$context/build.txt" | tail -40

title '4. Attacked again: docker run --read-only --cap-drop ALL --security-opt no-new-privileges'
start after harden-demo-after --read-only --cap-drop ALL --security-opt no-new-privileges
attack after

title 'Result'
if [ "$wrong" = 0 ]; then
    echo "make demo: the application serves in both; every attack worked before, none starts a program after"
    echo "make demo: to look at what goes, what stays and why, open $WORK/demo/plan.html in a browser"
else
    echo "make demo: $wrong answers were not as expected"
    exit 1
fi
