#!/usr/bin/env bash
# check-binary.sh BUDGET FILE...: each binary is within the budget, static and stripped, and nothing in the
# dependency tree builds or links C code.
. "$(dirname "$0")/lib.sh"

budget=$1
shift
for file in "$@"; do
    size=$(stat -c %s "$file")
    [ "$size" -le "$budget" ] || die "$file has $size bytes, the budget is $budget"
    headers=$(readelf -lW "$file" 2>/dev/null)
    ! grep -q 'INTERP' <<<"$headers" || die "$file asks for an interpreter, it is not static"
    ! readelf -dW "$file" 2>/dev/null | grep NEEDED >/dev/null || die "$file needs shared libraries"
    ! readelf -SW "$file" 2>/dev/null | grep '\.symtab' >/dev/null || die "$file is not stripped"
    echo "binary: $file: $size of $budget bytes, static, stripped"
done

# C comes in by crates that compile it (cc, cmake), or that link a library (NAME-sys). linux-raw-sys is
# constants only and has no build script.
tree=$(cd "$REPO" && cargo tree --locked --edges normal,build --target x86_64-unknown-linux-musl --target aarch64-unknown-linux-musl --prefix none --format '{p}')
c_code=$(awk '{print $1}' <<<"$tree" | sort -u | grep -E '^(cc|cmake|bindgen|pkg-config|.*-sys)$' | grep -vx 'linux-raw-sys' || true)
[ -z "$c_code" ] || die "crates that bring C code: $(tr '\n' ' ' <<<"$c_code")"
