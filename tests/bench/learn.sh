#!/usr/bin/env bash
# What `harden learn` costs, and that it changes no answer: the second half of `make bench`. With UPDATE=1 the table goes
# into docs/learn.md.
#
# Each program runs in a container of the engine, plain and under learn by turns; times are the best of all turns, since
# what other programs of the machine take is not learn's. A start is a run that ends once the program is up. Requests are
# wrk's, from outside. Statuses, bodies, the exit status after SIGTERM and the learned file are compared or looked at.
. "$(dirname "$0")/../setup/lib.sh"

harden=$CARGO_TARGET_DIR/x86_64-unknown-linux-musl/release/harden
scratch=$WORK/bench-learn
rounds=${ROUNDS:-5}
seconds=${SECONDS_EACH:-4}

# Budgets: wall time of a start, and requests in a second, under learn and without.
start_limit=2 requests_limit=1.1

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
mkdir -p "$scratch/app" "$scratch/www"

# --- the programs

cat >"$scratch/app/server.py" <<'PYTHON'
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet for each answer.
    wbufsize = -1

    def do_GET(self):
        body = b"hello from python\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass

http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
PYTHON
cat >"$scratch/app/server.js" <<'NODE'
require("http").createServer((_, response) => response.end("hello from node\n")).listen(8080);
NODE
cat >"$scratch/app/Server.java" <<'JAVA'
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

public class Server {
    public static void main(String[] args) throws Exception {
        if (args.length > 0) {
            System.out.println("hello from java");
            return;
        }
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", exchange -> {
            byte[] body = "hello from java\n".getBytes();
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }
}
JAVA
cat >"$scratch/app/nginx.conf" <<'NGINX'
worker_processes 1;
events {}
http { access_log off; server { listen 8080; root /bench/www; } }
NGINX
echo 'hello from nginx' >"$scratch/www/index.html"
"$REPO/tests/setup/dotnet.sh" app
cp "$CACHE"/dotnet/app/* "$scratch/app/"
install -m 755 "$harden" "$scratch/harden"

# in_container COMMAND...: without the engine's client, which takes longer than most programs need to start.
in_container() {
    nice -n "${NICE:-0}" nsenter --target "$first" --mount --pid --uts --ipc --net --wdns=/ \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin COMPlus_EnableDiagnostics=0 "$@"
}

enter() { # IMAGE
    [ -z "$container" ] || "$CLIENT" rm -f "$container" >/dev/null
    container=$("$CLIENT" run -d --init=false --cap-add SYS_PTRACE -v "$scratch:/bench" "$1" sleep infinity)
    first=$("$CLIENT" inspect --format '{{.State.Pid}}' "$container")
    address=$("$CLIENT" inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$container")
}

learn=(/bench/harden learn -q -o /tmp/learned.toml --)

calc() { awk "BEGIN { printf \"$2\", ($1) }"; }

# --- a start

# took COMMAND...: seconds of one run.
took() {
    local begin end
    begin=$EPOCHREALTIME
    in_container "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || { cat "$scratch/err" >&2; die "failed: $*"; }
    end=$EPOCHREALTIME
    calc "$end - $begin" %.4f
}

# starts COMMAND...: sets plain and learned, in seconds.
starts() {
    local round
    plain=9999 learned=9999
    for ((round = 0; round <= rounds * 2; round++)); do
        local one two before
        one=$(took "$@")
        before=$(cat "$scratch/out")
        two=$(took "${learn[@]}" "$@")
        [ "$before" = "$(cat "$scratch/out")" ] || die "under learn another output: $*"
        # The first round warms.
        [ "$round" -gt 0 ] || continue
        plain=$(calc "$one < $plain ? $one : $plain" %.4f)
        learned=$(calc "$two < $learned ? $two : $learned" %.4f)
    done
}

# --- requests

# serve COMMAND...: one turn. Sets rate; writes the answer and how the server ended to files.
serve() { # NAME COMMAND...
    local name=$1 server tries=0 inside status=0
    shift
    rm -f "$scratch/pid"
    # shellcheck disable=SC2016
    in_container sh -c 'echo $$ >/bench/pid; exec "$@"' sh "$@" >"$scratch/$name.out" 2>"$scratch/$name.err" </dev/null &
    server=$!
    until curl -fsS -i --max-time 5 "http://$address:8080/" 2>/dev/null | grep -vi '^date:' >"$scratch/$name.answer"; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || { cat "$scratch/$name.err" >&2; die "no answer: $*"; }
        sleep 0.1
    done
    # Compilers at run time warm up.
    wrk -t 1 -c 8 -d 2 "http://$address:8080/" >/dev/null
    nice -n "${NICE:-0}" wrk -t 1 -c 8 -d "$seconds" "http://$address:8080/" >"$scratch/$name.wrk"
    ! grep -E 'Socket errors: .*(connect|read|write|timeout) [1-9]|Non-2xx' "$scratch/$name.wrk" | grep -v 'connect 0, read [0-9]*, write 0, timeout 0' || die "$name: failed requests: $*"
    rate=$(awk '$1 == "Requests/sec:" { print $2 }' "$scratch/$name.wrk")
    inside=$(cat "$scratch/pid")
    # shellcheck disable=SC2016
    in_container sh -c 'kill -TERM "$0"' "$inside"
    wait "$server" || status=$?
    echo "ended with $status" >>"$scratch/$name.answer"
}

# requests COMMAND...: sets plain and learned, in requests a second.
requests() {
    local round
    plain=0 learned=0
    for ((round = 0; round < rounds; round++)); do
        serve plain "$@"
        plain=$(calc "$rate > $plain ? $rate : $plain" %.0f)
        in_container rm -f /tmp/learned.toml
        serve learned "${learn[@]}" "$@"
        learned=$(calc "$rate > $learned ? $rate : $learned" %.0f)
        cmp "$scratch/plain.answer" "$scratch/learned.answer" >&2 || { tail "$scratch"/*.answer "$scratch/learned.err" >&2; die "under learn another answer or end: $*"; }
        in_container grep -q 'paths = \[' /tmp/learned.toml || die "no entries of: $*"
    done
}

# --- the table

rows=()
: >"$scratch/missed"

row() { # NAME WHAT UNIT PLAIN LEARNED RATIO LIMIT
    local verdict='reported only'
    if [ -n "$7" ]; then
        verdict="≤ $7×: met"
        if awk "BEGIN { exit !($6 > $7) }"; then
            verdict="≤ $7×: **missed**"
            echo "$1, $2: $6 times, the budget is $7" >>"$scratch/missed"
        fi
    fi
    rows+=("| $1 | $2 | $4 $3 | $5 $3 | $6× | $verdict |")
    say "${rows[-1]}" >&2
}

program() { # NAME START-LIMIT REQUESTS-LIMIT, words in start and server
    if [ ${#start[@]} -gt 0 ]; then
        starts "${start[@]}"
        row "$1" 'a start' ms "$(calc "$plain * 1000" %.0f)" "$(calc "$learned * 1000" %.0f)" "$(calc "$learned / $plain" %.2f)" "$2"
    fi
    requests "${server[@]}"
    row "$1" requests /s "$plain" "$learned" "$(calc "$plain / $learned" %.2f)" "$3"
}

wanted() { [ -z "${ONLY:-}" ] || [[ " $ONLY " == *" $1 "* ]]; }

if wanted nginx; then
    enter harden-test/debian:12-nginx
    start=(nginx -t -q) server=(nginx -c /bench/app/nginx.conf -g 'daemon off;')
    program nginx "$start_limit" ''
fi
if wanted python; then
    enter harden-test/debian:12-apps
    start=(python3 -c 'import http.server, json, sqlite3, ssl; print("up")') server=(python3 /bench/app/server.py)
    program python3 "$start_limit" "$requests_limit"
fi
if wanted node; then
    enter harden-test/debian:12-apps
    start=(node -e 'require("http"), require("fs"), require("crypto"); console.log("up")') server=(node /bench/app/server.js)
    program node "$start_limit" "$requests_limit"
fi
if wanted java; then
    enter harden-test/debian:13-apps
    in_container java -cp '/usr/share/java/*' org.eclipse.jdt.internal.compiler.batch.Main -17 -d /bench/app /bench/app/Server.java
    start=(java -cp /bench/app Server once) server=(java -cp /bench/app Server)
    program openjdk "$start_limit" "$requests_limit"
fi
if wanted dotnet; then
    enter harden-test/debian:12-dotnet
    # shellcheck disable=SC2016
    start=(bash -c 'coproc dotnet /bench/app/MyApp.dll; read -r line <&"${COPROC[0]}"; echo "$line"; kill -KILL "$COPROC_PID"')
    server=(dotnet /bench/app/MyApp.dll)
    program .NET "$start_limit" "$requests_limit"
fi

{
    printf '%s, %s processors, Linux %s; the best of %s turns each, plain and learned by turns.\n\n' "$(uname -m)" "$(nproc)" "$(uname -r | cut -d- -f1)" "$rounds"
    echo '| program | what | plain | under learn | ratio | budget |'
    echo '|---|---|---|---|---|---|'
    printf '%s\n' "${rows[@]}"
} >"$scratch/table"
cat "$scratch/table"

if [ "${UPDATE:-}" = 1 ]; then
    page=$REPO/docs/learn.md
    grep -qx '<!-- bench -->' "$page" && grep -qx '<!-- /bench -->' "$page" ||
        die "docs/learn.md has no lines '<!-- bench -->' and '<!-- /bench -->' to put the table between"
    awk -v table="$scratch/table" '
        $0 == "<!-- bench -->" { print; while ((getline line < table) > 0) print line; inside = 1; next }
        $0 == "<!-- /bench -->" { inside = 0 }
        !inside' "$page" >"$scratch/page"
    cat "$scratch/page" >"$page"
    say "docs/learn.md has the table" >&2
fi
if [ -s "$scratch/missed" ]; then
    sed 's/^/bench: missed: /' "$scratch/missed" >&2
    exit 1
fi
