#!/usr/bin/env bash
# `make bench`: measures, prints one table of markdown, and fails when a budget is missed. `make bench UPDATE=1` also
# writes the table into README.md, between its two marks.
#
# Wall times are medians of warm runs, memory is the most that was resident (getrusage). No figure has a tolerance:
# budgets are ratios of two things measured side by side, or do not depend on the clock at all.
. "$(dirname "$0")/../setup/lib.sh"

here=$REPO/tests/bench
harden=$CARGO_TARGET_DIR/x86_64-unknown-linux-musl/release/harden
scratch=$WORK/bench

# What the image of the comparison keeps: one command. The script is told the same.
policy=(--user app:1000:1000 --command '/bin/sleep infinity')
kept='sleep'

# The program of which the plan's budget speaks.
dash=(--user app:1000:1000 --command dash)

unmount() { ! mountpoint -q "$scratch/merged" || umount "$scratch/merged"; }

# overlay LOWER...: an empty upper directory over LOWER, mounted at $scratch/merged: what a build step works on. Those of
# earlier runs stay until the end.
overlay() {
    local layer IFS=:
    unmount
    mkdir -p "$scratch/layers" "$scratch/merged"
    layer=$(mktemp -d "$scratch/layers/XXXXXX")
    mkdir "$layer/upper" "$layer/work"
    ln -sfn "$layer/upper" "$scratch/upper"
    mount -t overlay overlay -o "lowerdir=$*,upperdir=$layer/upper,workdir=$layer/work" "$scratch/merged"
}

# The measuring program calls this before each run.
if [ "${1:-}" = overlay ]; then
    shift
    overlay "$@"
    exit
fi

[ "$(id -u)" = 0 ] || die "make bench mounts overlays and makes files of many owners: run it as root"
[ -x "$harden" ] || die "no $harden; run: make build"
"$REPO/tests/setup/packages.sh"

cleanup() {
    unmount
    ! mountpoint -q "$scratch/layers" || umount "$scratch/layers"
    rm -rf "$scratch"
}
cleanup
trap cleanup EXIT
mkdir -p "$scratch/script"

# --- what is measured

# wall RUNS PREPARE COMMAND...: the median in seconds. PREPARE runs before each and is not counted; `true`: warm.
# An audit ends with status 1 when it finds something, as it does in every tree of these.
wall() {
    local runs=$1 prepare=$2 may_fail=()
    shift 2
    [ "${2:-}" != audit ] || may_fail=(--ignore-failure)
    hyperfine -N --style none --warmup 1 --runs "$runs" --prepare "$prepare" --export-json "$scratch/times" \
        "${may_fail[@]}" "$(quote "$@")" >/dev/null 2>"$scratch/log" || { cat "$scratch/log" >&2; die "failed: $*"; }
    jq -e '[.results[0].exit_codes[]] | max < 2' "$scratch/times" >/dev/null || die "failed: $*"
    jq -r '.results[0].median' "$scratch/times"
}

# turns RUNS PREPARE COMMAND PREPARE COMMAND: two commands by turns, each one line for hyperfine, since a machine that other
# machines share is faster at one time than at another. Sets first and second to the medians in seconds.
turns() {
    local runs=$1 round may_fail=()
    [[ "$3 $5" != *" 'audit' "* ]] || may_fail=(--ignore-failure)
    : >"$scratch/turns"
    for ((round = 0; round <= runs; round++)); do
        hyperfine -N --style none --runs 1 --prepare "$2" --prepare "$4" --export-json "$scratch/times" \
            "${may_fail[@]}" "$3" "$5" >/dev/null 2>"$scratch/log" || { cat "$scratch/log" >&2; die "failed: $3 or $5"; }
        jq -e '[.results[].exit_codes[]] | max < 2' "$scratch/times" >/dev/null || die "failed: $3 or $5"
        # The first round warms.
        [ "$round" = 0 ] || jq -r '[.results[].times[0]] | @tsv' "$scratch/times" >>"$scratch/turns"
    done
    first=$(cut -f 1 "$scratch/turns" | sort -g | sed -n "$(((runs + 1) / 2))p")
    second=$(cut -f 2 "$scratch/turns" | sort -g | sed -n "$(((runs + 1) / 2))p")
}

# The words as one line for hyperfine, which splits it at quotes as a shell does.
quote() {
    local word
    for word; do
        printf "'%s' " "${word//\'/\'\\\'\'}"
    done
}

# memory COMMAND...: KiB
memory() {
    local status=0
    /usr/bin/time -q -o "$scratch/memory" -f %M "$@" >/dev/null 2>"$scratch/log" || status=$?
    [ "$status" = 0 ] || { [ "$status" = 1 ] && [ "${2:-}" = audit ]; } || { cat "$scratch/log" >&2; die "failed: $*"; }
    cat "$scratch/memory"
}

# calc EXPRESSION FORMAT
calc() { awk "BEGIN { printf \"$2\", $1 }"; }

milliseconds() { calc "$1 * 1000" %.1f; }
mebibytes() { calc "$1 / 1024" %.1f; }

: >"$scratch/missed"
# budget WHAT MEASURED OPERATOR LIMIT: prints how it went, for a cell of the table.
budget() {
    if awk "BEGIN { exit !($2 $3 $4) }"; then
        echo "met"
    else
        echo "**missed**"
        echo "$1: $2, the budget is $3 $4" >>"$scratch/missed"
    fi
}

# layer: what the upper directory holds, as `content files directories whiteouts`.
layer() {
    find "$scratch/upper/" -mindepth 1 -printf '%y %s %n\n' |
        awk '$1 == "f" { bytes += $2; files++ } $1 == "d" { directories++ } $1 == "c" { whiteouts++ }
             END { print bytes + 0, files + 0, directories + 0, whiteouts + 0 }'
}

# audit_of DIR: what judging the tree costs beside planning it, and the same tree as an archive. Sets audit_ratio,
# tar_speed in MB of archive a second, and tar_memory in KiB.
audit_of() {
    local size
    turns 11 true "$(quote "$harden" plan --quiet --root "$1" "${policy[@]}")" \
        true "$(quote "$harden" audit --quiet --root "$1" "${policy[@]}")"
    audit_ratio=$(calc "$second / $first" %.2f)
    tar -cf "$scratch/audit.tar" --numeric-owner -C "$1" .
    size=$(stat -c %s "$scratch/audit.tar")
    tar_speed=$(calc "$size / 1000000 / $(wall 11 true "$harden" audit --quiet --tar "$scratch/audit.tar")" %.0f)
    tar_memory=$(memory "$harden" audit --quiet --tar "$scratch/audit.tar")
    rm "$scratch/audit.tar"
}

# --- what it is measured on

debian() { # DIR
    local tar=$CACHE/harden-test_debian_12.tar container
    mkdir "$1"
    if [ -s "$tar" ]; then
        tar -xp --numeric-owner --xattrs --xattrs-include='*' -C "$1" -f "$tar"
    elif [ -f "$WORK/engine.env" ] && load_engine && have_image harden-test/debian:12; then
        container=$("$CLIENT" create harden-test/debian:12 true)
        "$CLIENT" export "$container" | tar -xp --numeric-owner --xattrs --xattrs-include='*' -C "$1"
        "$CLIENT" rm "$container" >/dev/null
    else
        say "mmdebstrap bookworm"
        mmdebstrap --quiet --variant=minbase --mode=root --format=tar bookworm "$tar.part" </dev/null >&2
        mv "$tar.part" "$tar"
        tar -xp --numeric-owner --xattrs --xattrs-include='*' -C "$1" -f "$tar"
    fi
}

# of_image TAG DIR: the tree of an image of the tests; false where it is not there.
of_image() {
    local tar=$CACHE/harden-test_debian_$1.tar container
    mkdir -p "$2"
    if [ -s "$tar" ]; then
        tar -xp --numeric-owner --xattrs --xattrs-include='*' -C "$2" -f "$tar"
    elif [ -f "$WORK/engine.env" ] && load_engine && have_image "harden-test/debian:$1"; then
        container=$("$CLIENT" create "harden-test/debian:$1" true)
        "$CLIENT" export "$container" | tar -xp --numeric-owner -C "$2"
        "$CLIENT" rm "$container" >/dev/null
    else
        return 1
    fi
}

# --- the table

rows=()
declare -A per_entry=()

# measure NAME DIR RUNS [SCRIPT]: one row of times.
measure() {
    # The budget of a plan is Debian's; the generated trees show that the time is linear.
    local most=3 planned=("${policy[@]}")
    [ -z "${4:-}" ] || { most=1.5 && planned=("${dash[@]}"); }
    local name=$1 dir=$2 runs=$3 entries find plan apply script limit plan_memory apply_memory
    entries=$(find "$dir" -xdev -printf . | wc -c)
    say "$name: $entries entries" >&2
    turns "$runs" true "$(quote find "$dir" -xdev -printf '%m %U %G %s %l\n')" \
        true "$(quote "$harden" plan --quiet --root "$dir" "${planned[@]}")"
    find=$first plan=$second
    plan_memory=$(memory "$harden" plan --quiet --root "$dir" "${policy[@]}")
    apply=$(wall "$runs" "$(quote "$0" overlay "$dir")" "$harden" apply --quiet --root "$scratch/merged" "${policy[@]}")
    overlay "$dir"
    apply_memory=$(memory "$harden" apply --quiet --root "$scratch/merged" "${policy[@]}")
    limit=$(calc "16 * 1024 + $entries * 200 / 1024" %.0f)
    per_entry[$entries]=$(calc "$plan / $entries" %.12f)
    local peak=$((plan_memory > apply_memory ? plan_memory : apply_memory))
    local ratio same script_cell='–' faster='–'
    ratio=$(calc "$plan / $find" %.2f)
    if [ -n "${4:-}" ]; then
        pruned=$(layer)
        # The script leaves the package database as it is: what does the same is compared with it.
        printf '[packages]\ndatabase = "keep"\n' >"$scratch/keep.toml"
        local keeping
        keeping=$(quote "$harden" apply --quiet --root "$scratch/merged" --config "$scratch/keep.toml" "${policy[@]}")
        overlay "$dir"
        eval "$keeping"
        ours=$(layer)
        turns 9 "$(quote "$0" overlay "$dir")" "$keeping" "$(quote "$0" overlay "$scratch/script" "$dir")" \
            "$(quote chroot "$scratch/merged" /bin/sh /harden.sh app 1000 "$kept")"
        same=$first script=$second
        theirs=$(layer)
        left=$(find "$scratch"/merged/usr/{,local/}{,s}bin/ "$scratch/merged/usr/games/" ! -type d -printf '%f\n' | sort | tr '\n' ' ')
        [ "$left" = "nologin $kept " ] || die "the script left other commands than it should: $left"
        script_cell="$(milliseconds "$script") ms"
        faster="$(calc "$script / $same" %.1f)× in $(milliseconds "$same") ms with \`keep\` (≥ 15×: $(budget "$name: apply faster than the script" "$(calc "$script / $same" %.2f)" '>=' 15)); $(calc "$script / $apply" %.1f)× with \`prune\`"
    fi
    rows+=("| $name | $entries | $(milliseconds "$find") ms | $(milliseconds "$plan") ms | $ratio× (≤ $most×: $(budget "$name: plan / find" "$ratio" '<=' "$most")) | $(milliseconds "$apply") ms | $script_cell | $faster | $(mebibytes "$plan_memory") / $(mebibytes "$apply_memory") MiB (≤ $(mebibytes "$limit") MiB: $(budget "$name: KiB of memory" "$peak" '<=' "$limit")) |")
    say "${rows[-1]}" >&2
    unmount
}

# plan_beside_reading NAME DIR RUNS POLICY...: a plan beside `find`, and `cat` of the files whose content the plan reads.
plan_beside_reading() {
    local name=$1 dir=$2 runs=$3 ratio files
    shift 3
    say "$name: plan beside find and cat" >&2
    strace -f -qq -y -e trace=openat,openat2 -e signal=none -o "$scratch/opened" \
        "$harden" plan --quiet --root "$dir" "$@" >/dev/null || die "failed: plan of $name"
    # The last name of a line is that of what was opened.
    sed -n "s/.*= [0-9]*<\\($(sed 's/[][\\.*^$\/]/\\&/g' <<<"$dir")\\/.*\\)>\$/\\1/p" "$scratch/opened" | sort -u |
        while IFS= read -r file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done >"$scratch/read"
    files=$(tr -cd '\0' <"$scratch/read" | wc -c)
    printf 'find %q -xdev -printf "%%m %%U %%G %%s %%l\\n"\nxargs -0 cat <%q\n' "$dir" "$scratch/read" >"$scratch/read.sh"
    turns "$runs" true "sh $scratch/read.sh" true "$(quote "$harden" plan --quiet --root "$dir" "$@")"
    ratio=$(calc "$second / $first" %.2f)
    beside+=("| \`plan\`, $name | $(milliseconds "$second") ms, $ratio× \`find\` and \`cat\` of the $files files that it reads | – | ≤ 1.5×: $(budget "$name: plan / find and cat" "$ratio" '<=' 1.5) |")
    say "${beside[-1]}" >&2
}

# apply_beside_rm DIR RUNS: apply with `database = "keep"` beside `find` and `rm -rf` of the same paths.
apply_beside_rm() {
    local dir=$1 runs=$2 ratio
    printf '[packages]\ndatabase = "keep"\n' >"$scratch/keep.toml"
    "$harden" plan --format json --root "$dir" --config "$scratch/keep.toml" "${policy[@]}" |
        jq -j --arg root "$scratch/merged" '.changes[] | select(.action == "remove") | $root + .path + "\u0000"' >"$scratch/removed"
    printf 'find %q -xdev -printf "%%m %%U %%G %%s %%l\\n" >/dev/null\nxargs -0 rm -rf <%q\n' "$scratch/merged" "$scratch/removed" >"$scratch/rm.sh"
    turns "$runs" "$(quote "$0" overlay "$dir")" "sh $scratch/rm.sh" "$(quote "$0" overlay "$dir")" \
        "$(quote "$harden" apply --quiet --root "$scratch/merged" --config "$scratch/keep.toml" "${policy[@]}")"
    ratio=$(calc "$second / $first" %.2f)
    beside+=("| \`apply\`, Debian 12, \`database = \"keep\"\` | $(milliseconds "$second") ms, $ratio× \`find\` and \`xargs rm -rf\` of the same paths | – | ≤ 1.0×: $(budget 'Debian 12: apply / find and rm' "$ratio" '<=' 1.0) |")
    say "${beside[-1]}" >&2
    unmount
}

# image_beside_copy NAME DIR RUNS: `image` on the tree as docker save writes it, beside a copy and a checksum of that archive.
image_beside_copy() {
    local name=$1 dir=$2 runs=$3 layer config ratio size entries peak limit
    mkdir -p "$scratch/saved/blobs/sha256"
    blob() { # FILE: moved to its digest, which is printed
        local digest
        digest=$(sha256sum "$1" | cut -d ' ' -f 1)
        mv "$1" "$scratch/saved/blobs/sha256/$digest"
        echo "$digest"
    }
    tar -cf "$scratch/layer" --format=pax --numeric-owner --xattrs --xattrs-include='*' -C "$dir" .
    layer=$(blob "$scratch/layer")
    jq -n --arg id "sha256:$layer" '{architecture: "amd64", os: "linux", config: {},
        rootfs: {type: "layers", diff_ids: [$id]}, history: [{created_by: "ADD rootfs"}]}' >"$scratch/config"
    config=$(blob "$scratch/config")
    jq -n --arg config "blobs/sha256/$config" --arg layer "blobs/sha256/$layer" \
        '[{Config: $config, RepoTags: ["bench:1"], Layers: [$layer]}]' >"$scratch/saved/manifest.json"
    tar -cf "$scratch/saved.tar" -C "$scratch/saved" manifest.json blobs
    rm -r "$scratch/saved"
    size=$(stat -c %s "$scratch/saved.tar")
    entries=$(find "$dir" -xdev -printf . | wc -c)
    local image=("$harden" image "$scratch/saved.tar" -o "$scratch/hardened.tar" --quiet --compress none "${policy[@]}")
    printf 'cat %q >%q\nsha256sum %q\n' "$scratch/saved.tar" "$scratch/copy.tar" "$scratch/saved.tar" >"$scratch/copy.sh"
    turns "$runs" "rm -f $scratch/copy.tar" "sh $scratch/copy.sh" "rm -f $scratch/hardened.tar" "$(quote "${image[@]}")"
    ratio=$(calc "$second / $first" %.2f)
    peak=$(memory "${image[@]}")
    limit=$(calc "32 * 1024 + $entries * 200 / 1024" %.0f)
    rm -f "$scratch/saved.tar" "$scratch/copy.tar" "$scratch/hardened.tar"
    beside+=("| \`image\`, $name as \`docker save\` writes it, $(calc "$size / 1000000" %.0f) MB, no compression | $(milliseconds "$second") ms, $ratio× \`cat IN >COPY; sha256sum IN\`; $(mebibytes "$peak") MiB | – | ≤ 2×, ≤ $(mebibytes "$limit") MiB: $(budget "$name: image / copy and checksum" "$ratio" '<=' 2), $(budget "$name: KiB of image" "$peak" '<=' "$limit") |")
    say "${beside[-1]}" >&2
}

beside=()
rustc --edition 2024 -O -o "$scratch/tree" "$here/tree.rs"
cp "$here/harden.sh" "$scratch/script/harden.sh"
debian "$scratch/debian"
# harden and the script are compared with upper directories in memory: ext4 searches long for a free inode while many
# were just deleted, as in many runs within seconds and in no build.
mkdir -p "$scratch/layers"
mount -t tmpfs tmpfs "$scratch/layers"
measure 'Debian 12' "$scratch/debian" 41 script
apply_beside_rm "$scratch/debian" 21
umount "$scratch/layers"
audit_of "$scratch/debian"
debian_audit=("$tar_speed" "$tar_memory")
image_beside_copy 'Debian 12' "$scratch/debian" 11
rm -rf "$scratch/debian"
for image in 12-nginx 12-apps; do
    of_image "$image" "$scratch/image" || { say "no image harden-test/debian:$image: run make setup" >&2; continue; }
    mkdir -p "$scratch/image/app"
    echo 'require("http").createServer().listen(8080)' >"$scratch/image/app/server.js"
    case $image in
    12-nginx) name=nginx words='user = "www-data"\nstart = "root"\ncommand = ["nginx", "-g", "daemon off;"]' ;;
    12-apps) name=node words='user = "app:1000:1000"\ncommand = ["node", "/app/server.js"]' ;;
    esac
    printf "[run]\n$words\n" >"$scratch/$name.toml"
    plan_beside_reading "$name on Debian 12" "$scratch/image" 21 --config "$scratch/$name.toml"
    rm -rf "$scratch/image"
done
sizes=(10000 100000 1000000)
runs=(11 5 3)
made=()
for i in "${!sizes[@]}"; do
    made+=("$("$scratch/tree" "$scratch/tree.d" "${sizes[i]}")")
    measure "generated" "$scratch/tree.d" "${runs[i]}"
    [ "${sizes[i]}" != 100000 ] || audit_of "$scratch/tree.d"
    unmount
    if [ "${sizes[i]}" = 1000000 ]; then
        # Every entry below /usr gets another mode.
        find "$scratch/tree.d/usr" ! -type l -exec chmod 0757 {} +
        changing=$(memory "$harden" apply --quiet --root "$scratch/tree.d" "${policy[@]}")
        changing_limit=$(calc "16 * 1024 + ${made[i]} * 200 / 1024" %.0f)
    fi
    rm -rf "$scratch/tree.d" "$scratch/layers"
done

# A tree of applets: Alpine's where the engine has it, else Debian's busybox with a link for each of its names.
alpine() { # DIR
    local container busybox=$CACHE/applets/trixie-amd64-busybox-static
    mkdir -p "$1"
    if [ -f "$WORK/engine.env" ] && load_engine && have_image harden-test/alpine:3.20; then
        container=$("$CLIENT" create harden-test/alpine:3.20 true)
        "$CLIENT" export "$container" | tar -xp --numeric-owner -C "$1"
        "$CLIENT" rm "$container" >/dev/null
        return
    fi
    "$REPO/tests/setup/applets.sh"
    mkdir "$1/bin" "$1/etc"
    cp "$busybox" "$1/bin/busybox"
    "$1/bin/busybox" --list | while read -r name; do [ "$name" = busybox ] || ln -s busybox "$1/bin/$name"; done
}

alpine "$scratch/alpine"
applets=("$harden" plan --quiet --root "$scratch/alpine" --user app:1000:1000 --command none --keep sh --keep cat)
turns 21 true "$(quote "${applets[@]}")" true "$(quote "${applets[@]}" --disable remove.applets)"
patching=$(calc "($first - $second) * 1000" %.1f)

growth=$(calc "${per_entry[${made[2]}]} / ${per_entry[${made[0]}]}" %.2f)
read -r content files directories whiteouts <<<"$ours"
pruned=$((${pruned%% *} - content))
read -r their_content their_files their_directories their_whiteouts <<<"$theirs"

table() {
    printf '%s, %s processors, Linux %s; medians of warm runs; trees on disk, the upper directory of Debian 12 in memory.\n\n' "$(uname -m)" "$(nproc)" "$(uname -r | cut -d- -f1)"
    echo "| tree | entries | \`find -printf\` | \`harden plan\` | plan / find (budget) | \`harden apply\` | shell script | apply faster (budget) | memory of plan / apply (budget) |"
    echo "|---|---|---|---|---|---|---|---|---|"
    printf '%s\n' "${rows[@]}"
    echo
    echo "| what | harden | shell script | budget |"
    echo "|---|---|---|---|"
    echo "| layer on Debian 12, \`database = \"keep\"\`: bytes of file content | $content | $their_content | ≤ 65536: $(budget 'bytes in the layer' "$content" '<=' 65536) |"
    echo "| what \`database = \"prune\"\`, the default, adds to it | $pruned | – | ≤ 614400: $(budget 'bytes of pruned databases' "$pruned" '<=' 614400) |"
    echo "| layer on Debian 12: files, directories, whiteouts | $files, $directories, $whiteouts | $their_files, $their_directories, $their_whiteouts | |"
    echo "| plan's time for an entry, 1,000,000 entries to 10,000 | ${growth}× | – | ≤ 2×: $(budget 'growth of the time for an entry' "$growth" '<=' 2) |"
    printf '%s\n' "${beside[@]}"
    echo "| \`apply\`, 1,000,000 entries that all change | $(mebibytes "$changing") MiB | – | ≤ $(mebibytes "$changing_limit") MiB: $(budget 'KiB of apply with a million changes' "$changing" '<=' "$changing_limit") |"
    echo "| busybox of Alpine, planned and patched | $patching ms | – | ≤ 20 ms: $(budget 'ms to plan and patch busybox' "$patching" '<=' 20) |"
    echo "| \`audit\` / \`plan\`, $((${made[1]} / 1000)),000 entries | ${audit_ratio}× | – | ≤ 1.5×: $(budget 'audit / plan' "$audit_ratio" '<=' 1.5) |"
    echo "| \`audit --tar\` of Debian 12 exported | ${debian_audit[0]} MB of tar a second, $(mebibytes "${debian_audit[1]}") MiB | – | ≥ 300 MB a second, ≤ 64 MiB: $(budget 'MB of tar a second' "${debian_audit[0]}" '>=' 300), $(budget 'KiB of audit --tar' "${debian_audit[1]}" '<=' 65536) |"
    local target size
    for target in x86_64 aarch64; do
        size=$(stat -c %s "$CARGO_TARGET_DIR/$target-unknown-linux-musl/release/harden" 2>/dev/null) || continue
        echo "| binary, $target | $size bytes | – | ≤ 6000000: $(budget "binary $target" "$size" '<=' 6000000) |"
    done
}
table >"$scratch/table"
publish_table README.md
