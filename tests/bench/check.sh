#!/usr/bin/env bash
# What the first run of a check costs: the third part of `make bench`. With UPDATE=1 the table goes into docs/reference.md.
#
# Each program runs in a container of the engine, plain and as a check by turns; figures are the best of all turns. A policy
# that is refused anyway runs its checks, since one build reports every missing entry, and changes nothing: so the same
# container serves for every turn. What `apply` takes with a check of true(1) more than without is what harden looks at before
# and after any check, a row of its own; what it takes with the program more than that is the program under the tracer. Where a
# budget is missed there are up to three times as many turns.
. "$(dirname "$0")/../setup/lib.sh"

harden=$CARGO_TARGET_DIR/x86_64-unknown-linux-musl/release/harden
scratch=$WORK/bench-check
# Words before each command that is measured, on a machine that does other things: "chrt -r 1".
PRIORITY=${PRIORITY:-}
rounds=${ROUNDS:-15}

# Budgets: a start that is bound by the start itself, as a ratio; and a server's test of its configuration, in ms more.
times=2 more=50

[ "$(id -u)" = 0 ] || die "make bench enters containers: run it as root"
[ -x "$harden" ] || die "no $harden; run: make build"
"$REPO/tests/setup/packages.sh"
load_engine

container=
cleanup() {
    [ -z "$container" ] || "$CLIENT" rm -f "$container" >/dev/null
    rm -rf "$scratch"
}
trap cleanup EXIT
rm -rf "$scratch"
mkdir -p "$scratch/app"

cat >"$scratch/app/Start.java" <<'JAVA'
public class Start {
    public static void main(String[] args) {
        System.out.println("up");
    }
}
JAVA
cat >"$scratch/Start.cs" <<'NET'
public static class Start
{
    public static void Main() { System.Console.WriteLine("up"); }
}
NET
"$REPO/tests/setup/dotnet.sh" app
references=()
for dll in "$CACHE"/dotnet/runtime/shared/Microsoft.NETCore.App/3.1.*/{System.*,mscorlib,netstandard}.dll; do
    case ${dll##*/} in *.Native.* | *WindowsRuntime*) ;; *) references+=("-r:$dll") ;; esac
done
mcs -nologo -nowarn:1702 -nostdlib -noconfig -out:"$scratch/app/Start.dll" "${references[@]}" "$scratch/Start.cs"
cp "$CACHE/dotnet/app/MyApp.runtimeconfig.json" "$scratch/app/Start.runtimeconfig.json"
chmod 644 "$scratch/app/Start.dll"
install -m 755 "$harden" "$scratch/harden"

# in_container COMMAND...: without the engine's client, which takes longer than most programs need to start.
in_container() {
    $PRIORITY nsenter --target "$first" --mount --pid --uts --ipc --net --wdns=/ "${as[@]}" \
        env -i HOME=/tmp PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

enter() { # IMAGE
    [ -z "$container" ] || "$CLIENT" rm -f "$container" >/dev/null
    container=$("$CLIENT" run -d --init=false -v "$scratch:/bench" "$1" sleep infinity)
    first=$("$CLIENT" inspect --format '{{.State.Pid}}' "$container")
}

calc() { awk "BEGIN { printf \"$2\", ($1) }"; }

# took STATUS COMMAND...: seconds of one run.
took() {
    local begin end status=0 wanted=$1
    shift
    begin=$EPOCHREALTIME
    in_container "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
    end=$EPOCHREALTIME
    [ "$status" = "$wanted" ] || { cat "$scratch/out" "$scratch/err" >&2; die "ended with $status: $*"; }
    calc "$end - $begin" %.4f
}

least() { calc "$1 < $2 ? $1 : $2" %.4f; }

rows=()
: >"$scratch/missed"

# apply STATUS POLICY: seconds of a run with that policy.
apply() { took "$1" /bench/harden apply --this-is-an-image --quiet --config "/bench/$2.toml"; }

# policy NAME [CHECK]: the policy that is refused, with that check.
policy() {
    printf '[run]\nuser = "app:1000:1000"\n%s\ncommand = %s\n[keep]\ncommands = ["true", "no-such-program"]\n' "$start" "$command" >"$scratch/$1.toml"
    [ $# = 1 ] || printf '[check]\ncommands = [%s]\n' "$2" >>"$scratch/$1.toml"
}

# program NAME IMAGE ratio|more USER COMMAND...: USER starts the program, and `root` is one that drops.
program() {
    local name=$1 image=$2 kind=$3 user=$4 round command start='' measured limit verdict cost one
    local plain=9999 nothing=9999 none=9999 little=9999 checked=9999
    shift 4
    [ -z "${ONLY:-}" ] || [[ " $ONLY " == *" $name "* ]] || return 0
    enter "$image"
    as=()
    [ -z "${SETUP:-}" ] || in_container sh -c "$SETUP"
    [ "$user" = user ] || start='start = "root"'
    command=$(jq -nc '$ARGS.positional' --args -- "$@")
    policy none
    policy little '"true"'
    policy checked "$command"
    for ((round = 0; round <= rounds * 3; round++)); do
        as=()
        one=$(apply 2 none)
        none=$(least "$none" "$one")
        one=$(apply 2 little)
        little=$(least "$little" "$one")
        one=$(apply 2 checked)
        ! grep -qE '\[(check\.|guard\.checks)' "$scratch/err" || { cat "$scratch/err" >&2; die "the check did not pass: $*"; }
        checked=$(least "$checked" "$one")
        [ "$user" = root ] || as=(--setuid 1000 --setgid 1000)
        one=$(took 0 true)
        nothing=$(least "$nothing" "$one")
        one=$(took 0 "$@")
        plain=$(least "$plain" "$one")
        [ "$round" -ge "$rounds" ] || continue
        cost=$(calc "$checked - $little + $nothing" %.4f)
        case $kind in
        ratio) measured=$(calc "$cost / $plain" %.2f) limit=$times ;;
        more) measured=$(calc "($cost - $plain) * 1000" %.0f) limit=$more ;;
        esac
        ! awk "BEGIN { exit !($measured <= $limit) }" || break
    done
    as=()
    verdict=met
    if ! awk "BEGIN { exit !($measured <= $limit) }"; then
        verdict='**missed**'
        echo "$name: $measured, the budget is $limit" >>"$scratch/missed"
    fi
    case $kind in
    ratio) verdict="$measured× | ≤ $limit×: $verdict" ;;
    more) verdict="$measured ms more | ≤ $limit ms more: $verdict" ;;
    esac
    rows+=("| $name | $(calc "$plain * 1000" %.0f) ms | $(calc "$cost * 1000" %.0f) ms | $verdict | $(calc "($little - $none) * 1000" %.0f) ms, $(in_container find / -xdev | wc -l) entries |")
    say "${rows[-1]}" >&2
}

program nginx harden-test/debian:12-nginx more root nginx -t -q
program python3 harden-test/debian:12-apps ratio user python3 -c 'import http.server, json, sqlite3, ssl'
program node harden-test/debian:12-apps ratio user node -e 'require("http"), require("crypto")'
SETUP='java -cp "/usr/share/java/*" org.eclipse.jdt.internal.compiler.batch.Main -17 -d /bench/app /bench/app/Start.java' \
    program openjdk harden-test/debian:13-apps ratio user java -cp /bench/app Start
program .NET harden-test/debian:12-dotnet ratio user dotnet /bench/app/Start.dll

{
    printf '%s, %s processors, Linux %s; the best of %s turns or more.\n\n' "$(uname -m)" "$(nproc)" "$(uname -r | cut -d- -f1)" "$rounds"
    echo '| program | plain | as a check | difference | budget | before and after any check |'
    echo '|---|---|---|---|---|---|'
    printf '%s\n' "${rows[@]}"
} >"$scratch/table"
publish_table docs/reference.md
