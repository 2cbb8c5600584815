#!/usr/bin/env bash
# Fetches the judges of what `harden audit` writes: $WORK/judges/NAME for each function below.
. "$(dirname "$0")/lib.sh"

judges=$WORK/judges
# One function for each judge; it makes the directory that it is called in, and fails when it cannot.
wanted=(sarif junit)

# Microsoft's validator of SARIF, with GitHub's rules: a program of its own inside an npm package.
sarif() {
    npm install --no-audit --no-fund --ignore-scripts --prefix . @microsoft/sarif-multitool@5.7.0
    local program=node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool
    chmod u+x "$program"
    ln -s "$program" Sarif.Multitool
}

# The schema of Ant's JUnitReport, which comes with a crate; xmllint judges by it.
junit() {
    mkdir src
    touch src/lib.rs
    printf '[package]\nname = "judge"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\njunit-report = "=0.8.3"\n' >Cargo.toml
    cargo vendor --quiet vendor
    mv vendor/junit-report/tests/JUnit.xsd .
    rm -rf vendor src Cargo.toml Cargo.lock
}

for judge in "${wanted[@]}"; do
    [ ! -e "$judges/$judge" ] || continue
    say "fetching the judge $judge"
    rm -rf "$judges/.$judge"
    mkdir -p "$judges/.$judge"
    (cd "$judges/.$judge" && "$judge") >"$WORK/judge-$judge.log" 2>&1 </dev/null ||
        { tail -5 "$WORK/judge-$judge.log" >&2; die "cannot fetch the judge $judge"; }
    mv "$judges/.$judge" "$judges/$judge"
done
