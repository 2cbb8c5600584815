#!/usr/bin/env bash
# What `harden learn` costs, and that it changes no answer: the second half of `make bench`. With UPDATE=1 the table goes
# into docs/learn.md.
#
# Each program runs in a container of the engine, plain and under learn by turns; figures are the best of all turns, since
# what other programs of the machine take is not learn's. A start is a run that ends once the program is up, by the clock.
# Requests are wrk's, from outside; what is compared is the processor's time for each, the tracer's included: what the
# clock says of a busy server is that, and whatever else the machine does. Where a budget is missed there are up to three
# times as many turns: both figures come closer to what they are. Statuses, bodies, the exit status after SIGTERM
# and the learned file are compared or looked at.
. "$(dirname "$0")/../setup/lib.sh"

harden=$CARGO_TARGET_DIR/x86_64-unknown-linux-musl/release/harden
scratch=$WORK/bench-learn
# Words before each command that is measured, on a machine that does other things: "chrt -r 1".
PRIORITY=${PRIORITY:-}
rounds=${ROUNDS:-5}
seconds=${SECONDS_EACH:-4}

# Budgets: wall time of a start, and the processor's time for a request, under learn and without.
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
import asyncio

# One thread: how several take turns at the interpreter differs more from run to run than anything else does.
async def serve(reader, writer):
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\nhello from python\n")
        await writer.drain()

async def main():
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    await (await asyncio.start_server(serve, "", 8080)).serve_forever()

asyncio.run(main())
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
cat >"$scratch/Server.cs" <<'NET'
using System;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Tasks;

public static class Server
{
    static readonly byte[] answer = Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nhello from .NET\n");
    static readonly byte[] end = Encoding.ASCII.GetBytes("\r\n\r\n");

    public static void Main()
    {
        var listener = new TcpListener(IPAddress.Any, 8080);
        listener.Start();
        Console.WriteLine("listening");
        while (true) Serve(listener.AcceptTcpClient());
    }

    static async Task Serve(TcpClient client)
    {
        try
        {
            client.NoDelay = true;
            using (NetworkStream stream = client.GetStream())
            {
                var buffer = new byte[4096];
                int count, seen = 0;
                while ((count = await stream.ReadAsync(buffer, 0, buffer.Length)) > 0)
                    for (int at = 0; at < count; at++)
                    {
                        // An empty line ends a request.
                        seen = buffer[at] == end[seen] ? seen + 1 : buffer[at] == end[0] ? 1 : 0;
                        if (seen < end.Length) continue;
                        seen = 0;
                        await stream.WriteAsync(answer, 0, answer.Length);
                    }
            }
        }
        catch (IOException) { } // the visitor left
    }
}
NET
"$REPO/tests/setup/dotnet.sh" app
references=()
for dll in "$CACHE"/dotnet/runtime/shared/Microsoft.NETCore.App/3.1.*/{System.*,mscorlib,netstandard}.dll; do
    case ${dll##*/} in *.Native.* | *WindowsRuntime*) ;; *) references+=("-r:$dll") ;; esac
done
mcs -nologo -nowarn:1702 -nostdlib -noconfig -out:"$scratch/app/Server.dll" "${references[@]}" "$scratch/Server.cs"
cp "$CACHE/dotnet/app/MyApp.runtimeconfig.json" "$scratch/app/Server.runtimeconfig.json"
chmod 644 "$scratch/app/Server.dll"
install -m 755 "$harden" "$scratch/harden"

# in_container COMMAND...: without the engine's client, which takes longer than most programs need to start.
in_container() {
    $PRIORITY nsenter --target "$first" --mount --pid --uts --ipc --net --wdns=/ \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin COMPlus_EnableDiagnostics=0 "$@"
}

enter() { # IMAGE
    [ -z "$container" ] || "$CLIENT" rm -f "$container" >/dev/null
    container=$("$CLIENT" run -d --init=false --cap-add SYS_PTRACE -v "$scratch:/bench" "$1" sleep infinity)
    first=$("$CLIENT" inspect --format '{{.State.Pid}}' "$container")
    address=$("$CLIENT" inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$container")
}

learn=(/bench/harden learn -q -o /tmp/learned.toml --)

# exceeds A B LIMIT: A is more than LIMIT times B; never without a limit.
exceeds() { [ -n "$3" ] && awk "BEGIN { exit !($1 > $2 * $3) }"; }

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

# starts LIMIT COMMAND...: sets plain and learned, in seconds.
starts() {
    local round limit=$1
    shift
    plain=9999 learned=9999
    for ((round = 0; round <= rounds * 6; round++)); do
        local one two before
        one=$(took "$@")
        before=$(cat "$scratch/out")
        two=$(took "${learn[@]}" "$@")
        [ "$before" = "$(cat "$scratch/out")" ] || die "under learn another output: $*"
        # The first round warms.
        [ "$round" -gt 0 ] || continue
        plain=$(calc "$one < $plain ? $one : $plain" %.4f)
        learned=$(calc "$two < $learned ? $two : $learned" %.4f)
        [ "$round" -lt $((rounds * 2)) ] || exceeds "$learned" "$plain" "$limit" || break
    done
}

# --- requests

# ticks: what all processes of the container have used of the processor, in hundredths of a second.
ticks() {
    # shellcheck disable=SC2016
    in_container sh -c 'cat /proc/[0-9]*/stat 2>/dev/null || :' | sed 's/.*) //' | awk '{ sum += $12 + $13 + $14 + $15 } END { print sum }'
}

# serve NAME COMMAND...: one turn. Sets cost (µs for a request) and rate (requests a second); writes the answer and how the server ended to files.
serve() {
    local name=$1 server tries=0 inside status=0 before after
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
    before=$(ticks)
    $PRIORITY wrk -t 1 -c 8 -d "$seconds" "http://$address:8080/" >"$scratch/$name.wrk"
    after=$(ticks)
    ! grep -E 'Socket errors: .*(connect|read|write|timeout) [1-9]|Non-2xx' "$scratch/$name.wrk" | grep -v 'connect 0, read [0-9]*, write 0, timeout 0' || die "$name: failed requests: $*"
    cost=$(awk -v ticks=$((after - before)) '$2 == "requests" { printf "%.2f", ticks * 10000 / $1 }' "$scratch/$name.wrk")
    rate=$(awk '$1 == "Requests/sec:" { print $2 }' "$scratch/$name.wrk")
    inside=$(cat "$scratch/pid")
    # shellcheck disable=SC2016
    in_container sh -c 'kill -TERM "$0"' "$inside"
    wait "$server" || status=$?
    echo "ended with $status" >>"$scratch/$name.answer"
}

# requests LIMIT COMMAND...: sets plain and learned in µs for a request, and the rates in requests a second.
requests() {
    local round limit=$1
    shift
    plain=999999 learned=999999 plain_rate=0 learned_rate=0
    for ((round = 1; round <= rounds * 3; round++)); do
        serve plain "$@"
        plain=$(calc "$cost < $plain ? $cost : $plain" %.1f)
        plain_rate=$(calc "$rate > $plain_rate ? $rate : $plain_rate" %.0f)
        in_container rm -f /tmp/learned.toml
        serve learned "${learn[@]}" "$@"
        learned=$(calc "$cost < $learned ? $cost : $learned" %.1f)
        learned_rate=$(calc "$rate > $learned_rate ? $rate : $learned_rate" %.0f)
        cmp "$scratch/plain.answer" "$scratch/learned.answer" >&2 || { tail "$scratch"/*.answer "$scratch/learned.err" >&2; die "under learn another answer or end: $*"; }
        in_container grep -q 'paths = \[' /tmp/learned.toml || die "no entries of: $*"
        [ "$round" -lt "$rounds" ] || exceeds "$learned" "$plain" "$limit" || break
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
    rows+=("| $1 | $2 | $4${3:+ $3} | $5${3:+ $3} | $6× | $verdict |")
    say "${rows[-1]}" >&2
}

program() { # NAME START-LIMIT REQUESTS-LIMIT, words in start and server
    if [ ${#start[@]} -gt 0 ]; then
        starts "$2" "${start[@]}"
        row "$1" 'a start' ms "$(calc "$plain * 1000" %.0f)" "$(calc "$learned * 1000" %.0f)" "$(calc "$learned / $plain" %.2f)" "$2"
    fi
    requests "$3" "${server[@]}"
    row "$1" 'processor for a request' µs "$plain" "$learned" "$(calc "$learned / $plain" %.2f)" "$3"
    row "$1" 'requests in a second' '' "$plain_rate" "$learned_rate" "$(calc "$plain_rate / $learned_rate" %.2f)" ''
}

wanted() { [ -z "${ONLY:-}" ] || [[ " $ONLY " == *" $1 "* ]]; }

if wanted nginx; then
    enter harden-test/debian:12-nginx
    start=(nginx -t -q) server=(nginx -c /bench/app/nginx.conf -g 'daemon off;')
    program nginx '' ''
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
    start=(java -cp /bench/app Server once) server=(java -Dsun.net.httpserver.nodelay=true -cp /bench/app Server)
    program openjdk "$start_limit" "$requests_limit"
fi
if wanted dotnet; then
    enter harden-test/debian:12-dotnet
    # shellcheck disable=SC2016
    start=(bash -c 'coproc dotnet /bench/app/Server.dll; read -r line <&"${COPROC[0]}"; echo "$line"; kill -KILL "$COPROC_PID"')
    server=(dotnet /bench/app/Server.dll)
    program .NET "$start_limit" "$requests_limit"
fi

{
    printf '%s, %s processors, Linux %s; the best of %s turns each or more, plain and learned by turns.\n\n' "$(uname -m)" "$(nproc)" "$(uname -r | cut -d- -f1)" "$rounds"
    echo '| program | what | plain | under learn | ratio | budget |'
    echo '|---|---|---|---|---|---|'
    printf '%s\n' "${rows[@]}"
} >"$scratch/table"
publish_table docs/learn.md
