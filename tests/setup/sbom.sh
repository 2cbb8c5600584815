#!/usr/bin/env bash
# sbom.sh FILE: what the binary is made of, as CycloneDX 1.5 JSON, from Cargo.lock by way of cargo metadata: the packages
# of a normal build, with version, licence and checksum. No clock, no machine: the same source gives the same file.
. "$(dirname "$0")/lib.sh"

cd "$REPO"
targets=(--filter-platform x86_64-unknown-linux-musl)
locked() { # NAME VERSION: the checksum in Cargo.lock
    awk -v n="$1" -v v="$2" '$1=="name"{gsub(/"/,"",$3);name=$3} $1=="version"{gsub(/"/,"",$3);version=$3}
        $1=="checksum"&&name==n&&version==v{gsub(/"/,"",$3);print $3;exit}' Cargo.lock
}
metadata=$(cargo metadata --locked --format-version 1 "${targets[@]}")
used=$(cargo tree --locked --edges normal,no-proc-macro --target x86_64-unknown-linux-musl --target aarch64-unknown-linux-musl \
    --prefix none --format '{p}' | sed 's/ (.*//; s/ v/ /' | grep . | sort -u)
components=()
while read -r name version; do
    licence=$(jq -r --arg n "$name" --arg v "$version" \
        '.packages[] | select(.name == $n and .version == $v) | .license // ""' <<<"$metadata")
    components+=("$(jq -n --arg n "$name" --arg v "$version" --arg l "$licence" --arg h "$(locked "$name" "$version")" \
        '{type: (if $n == "harden" then "application" else "library" end), name: $n, version: $v,
          "bom-ref": "pkg:cargo/\($n)@\($v)", purl: "pkg:cargo/\($n)@\($v)"}
         + (if $l == "" then {} else {licenses: [{expression: ($l | gsub("/"; " OR "))}]} end)
         + (if $h == "" then {} else {hashes: [{alg: "SHA-256", content: $h}]} end)')")
done <<<"$used"
printf '%s\n' "${components[@]}" | jq -s '{bomFormat: "CycloneDX", specVersion: "1.5", version: 1,
    metadata: {component: (map(select(.name == "harden"))[0])},
    components: map(select(.name != "harden")) | sort_by(.name, .version)}' >"$1"
jq -e '(.components | length > 10) and all(.components[]; .name != "" and .licenses and .hashes)' "$1" >/dev/null ||
    die "$1 lists too little, or a package without licence or checksum"
echo "sbom: $1: $(jq '.components | length' "$1") packages"
