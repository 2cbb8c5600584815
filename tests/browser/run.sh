#!/usr/bin/env bash
# Opens HTML reports in a headless Chromium, in both themes: of Debian 12, of a tree whose names are markup and script, of what was
# refused, and of a tree of a million entries, which has to say that it does not list all of them. Ends with status 1 when a page asks for anything, says anything on the console, runs a name, or has an
# accessibility fault that axe-core calls serious. Screenshots are in $WORK/browser, to be looked at.
. "$(dirname "$0")/../setup/lib.sh"

HARDEN=${HARDEN:-${CARGO_TARGET_DIR:-$REPO/target}/debug/harden}
[ -x "$HARDEN" ] || die "there is no $HARDEN; run: cargo build"
work=$WORK/browser
mkdir -p "$work"
[ "$(id -u)" != 0 ] || command -v chromium >/dev/null || apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
command -v chromium >/dev/null || die "chromium is missing; install it: apt-get install chromium"
command -v npm >/dev/null || die "npm is missing; install it: apt-get install npm"
[ -d "$work/node_modules/axe-core" ] || npm install --silent --no-audit --no-fund --prefix "$work" puppeteer-core@24 axe-core@4 ||
    die "npm cannot fetch puppeteer-core and axe-core"

stage=$(mktemp -d "$work/.stage.XXXXXX")
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/debian" "$stage/names"
tar -C "$stage/debian" -xf "$CACHE/harden-test_debian_12.tar" 2>/dev/null || die "the base image is missing; run: make setup"

# Each name would set `pwned`, close what it stands in, or hide the rest.
cd "$stage/names"
mkdir -p app etc/cron.d usr/bin srv tmp var/lib/dpkg/info
ln -s usr/bin bin
printf '#!/usr/bin/tool\n' >app/server
cp /bin/true usr/bin/tool
mkdir -p lib64 "lib/$(uname -m)-linux-gnu"
cp /lib64/ld-linux-*.so.* lib64/
cp "/lib/$(uname -m)-linux-gnu/libc.so.6" "lib/$(uname -m)-linux-gnu/"
chmod 755 app/server
count=0
# shellcheck disable=SC2016 # they are not for this shell
for name in '<script>window.pwned=1<|script>' '"><img src=x onerror="window.pwned=1">' "'><svg onload=window.pwned=1>" \
    'javascript:window.pwned=1' '&lt;&#60;' $'d\n<tr>\r' $'e\xff\xfe\e[31m' $'f\u202e\ufeff\u2028' 'g<!--' '${window.pwned=1}`' \
    '<iframe srcdoc="<script>parent.pwned=1">' "$(printf 'A%.0s' $(seq 255))" $'\u05e2\u05d1\u05e8 \u0627\u0633\u0645'; do
    for directory in usr/bin etc/cron.d srv; do
        head -c $((count * 4000 + 3000)) /dev/zero >"$directory/$name"
        chmod 4755 "$directory/$name"
    done
    plain=$(printf %s "$name" | tr -d '\n\r')
    printf 'Package: p%s%s\nStatus: install ok installed\nVersion: 1%s\n\n' "$count" "$plain" "$plain" >>var/lib/dpkg/status
    count=$((count + 1))
done
printf 'root:x:0:0:root:/root:/bin/sh\nu:x:2000:2000::/<script>window.pwned=1</script>:/bin/<b>\n' >etc/passwd
printf 'root:x:0:\ng:x:2000:<script>window.pwned=1</script>\n' >etc/group
printf 'ID=debian\nPRETTY_NAME="</title></style></script><script>window.pwned=1</script>"\n' >etc/os-release
cat >"$stage/harden.toml" <<'END'
[run]
user = "app:1000:1000"
command = ["/app/server"]
[[audit.check]]
id = "org.x"
severity = "high"
title = "</td></tr></table><script>window.pwned=1</script>"
help = "<img src=x onerror=window.pwned=1>"
paths = ["/srv/g<!--"]
presence = "forbidden"
END

cd "$work"
rm -f ./*.html ./*.png
report() { # NAME ARGUMENTS...
    local name=$1 status=0
    shift
    "$HARDEN" "$@" --format html >"$name.html" 2>"$name.err" || status=$?
    [ -s "$name.html" ] || { cat "$name.err" >&2 && die "no report of: harden $*"; }
    printf '%-16s status %s, %s bytes\n' "$name" "$status" "$(stat -c %s "$name.html")"
    [ "$(stat -c %s "$name.html")" -le 2000000 ] || die "$name.html is larger than 2 MB"
}
run=(--user app:1000:1000 --command dash)
report debian-audit audit --root "$stage/debian"
report debian-stig audit --root "$stage/debian" --compliance stig
report debian-plan plan --root "$stage/debian" "${run[@]}"
report debian-minimal plan --root "$stage/debian" "${run[@]}" --minimal
report names-audit audit --root "$stage/names" --config "$stage/harden.toml"
report names-plan plan --root "$stage/names" --config "$stage/harden.toml"
report names-refused plan --root "$stage/names" --command '</script><script>window.pwned=1</script>'
report names-failed audit --tar '/tmp/</script><img src=x onerror=window.pwned=1>'
python3 "$REPO/tests/browser/large.py" >"$stage/large.tar"
report large-plan plan --tar "$stage/large.tar" --user app:1000:1000 --command /app/server
report large-audit audit --tar "$stage/large.tar"
for page in large-plan large-audit; do
    grep -qE '… and [0-9,]+ more' "$page.html" || die "$page.html does not say what it leaves out"
done
NODE_PATH=$work/node_modules node "$REPO/tests/browser/look.js" "$work"/*.html
