//! Whole scripts: the programs that they use, and those that they do not use.

use proptest::prelude::*;

use super::{Code, Dialect, Kind, commands, execline, names, split};

/// `LINE NAME`, with `?` behind what is optional, `.` before what is read and `/` before directories.
fn uses(script: &str) -> Vec<String> {
    uses_as(script, Dialect::Posix)
}

fn uses_as(script: &str, dialect: Dialect) -> Vec<String> {
    let mut code = Code::new(dialect);
    assert_eq!(code.read(script, "/opt/app/bin/start"), None, "{script}");
    let show = |one: super::Use| {
        let kind = match one.kind {
            Kind::Runs => "",
            Kind::Reads => ". ",
            Kind::Directory => "/ ",
            Kind::Given => "= ",
            Kind::Login => "@ ",
        };
        format!("{kind}{} {}{}", one.line, one.text, if one.optional { "?" } else { "" })
    };
    code.finish().uses.into_iter().filter(|one| one.kind != Kind::Given).map(show).collect()
}

fn given(script: &str) -> Vec<String> {
    let mut code = Code::new(Dialect::Posix);
    assert_eq!(code.read(script, "/x"), None, "{script}");
    code.finish().uses.into_iter().filter(|one| one.kind == Kind::Given).map(|one| one.text).collect()
}

#[test]
fn a_file_that_a_program_is_given() {
    for (script, files) in [
        ("exec nc -lk -p 80 -e /srv/handler", &["/srv/handler"][..]),
        ("A=/srv\nudhcpc --script=$A/lease -f; watch \"$A/look\"", &["/srv/lease", "/srv/look"]),
        ("gosu app server --hook /srv/a /srv/b", &["/srv/a", "/srv/b"]),
        ("chmod +x /srv/a; gosu app cp /srv/a /srv/b; echo /srv/a; . /srv/a; test -x /srv/a", &[]),
        ("f() { cat /srv/a; }\nf /srv/a; server srv/a", &[]),
    ] {
        assert_eq!(given(script), files, "{script}");
    }
}

fn unknown(script: &str) -> Vec<String> {
    let mut code = Code::new(Dialect::Posix);
    code.read(script, "/x");
    let unknown = code.finish().unknown.into_iter();
    unknown.filter(|(_, _, text)| !super::is_argument(text)).map(|(_, line, text)| format!("{line} {text}")).collect()
}

fn check(cases: &[(&str, &[&str])]) {
    for (script, expected) in cases {
        assert_eq!(uses(script), *expected, "{script}");
    }
}

#[test]
fn lines_are_those_of_the_words() {
    check(&[
        ("a\n\nb \\\n  c\nd", &["1 a", "3 b", "5 d"]),
        ("x=$(a\n b)\nc", &["1 a", "2 b", "3 c"]),
        ("cat <<EOF\ntext\n$(inside)\nEOF\nafter", &["1 cat", "3 inside", "5 after"]),
        ("cat <<'EOF'\n$(inside)\nEOF\nafter", &["1 cat", "4 after"]),
        ("cat <<-A <<B; next\n\tone\n\tA\ntwo\nB\nafter", &["1 cat", "1 next", "6 after"]),
        ("sh -c '\na\nb'", &["1 sh", "2 a", "3 b"]),
        ("`a\nb`\nc", &["1 a", "2 b", "3 c"]),
    ]);
}

#[test]
fn substitutions_are_read_as_code_and_not_counted_as_parentheses() {
    check(&[
        ("x=$(case $y in a) one;; (b|c) two ;; esac); after", &["1 one", "1 two", "1 after"]),
        ("x=$(a # it's a comment (\n b); after", &["1 a", "2 b", "2 after"]),
        ("x=\"$(a \"$(b ')')\" ')')\"; after", &["1 b", "1 a", "1 after"]),
        ("x=$(cat <<E\n)'\nE\n); after", &["1 cat", "4 after"]),
        ("echo $(( $(nproc) / (2 + 1) )); after", &["1 nproc", "1 after"]),
        ("((i++)); after", &["1 after"]),
        ("((a); (b)); c", &["1 a", "1 b", "1 c"]),
        ("for ((i=0; i<3; i++)); do run; done", &["1 run"]),
        ("echo ${x:-$(a)} \"${y:=`b`}\" ${z:-{}} '${w' ; after", &["1 a", "1 b", "1 after"]),
        ("a=(one $(two) three); b+=(x); c", &["1 two", "1 c"]),
        ("[[ $a =~ ^(x|y)$ && -f b ]] && c", &["1 c"]),
        ("[[ a < b ]] || c > d; [[ (a) ]]\ne", &["1 c", "2 e"]),
        ("diff <(a | b) >(c) && d", &["1 a", "1 b", "1 c", "1 diff", "1 d"]),
        ("x=$'it\\'s' y; z", &["1 y", "1 z"]),
        ("[[[[[ ]]; a", &["1 [[[[[", "1 a"]),
    ]);
}

#[test]
fn wrappers_run_what_stands_behind_their_own_words() {
    check(&[
        ("exec gosu app nginx -g x", &["1 gosu", "1 nginx"]),
        ("exec su-exec \"$user\" /usr/sbin/x", &["1 su-exec", "1 /usr/sbin/x"]),
        ("setpriv --reuid=a --regid b --init-groups -- y -z", &["1 setpriv", "1 y"]),
        ("runuser -u app -- y", &["1 runuser", "1 y"]),
        ("runuser app -c 'y; z'", &["1 runuser", "@ 1 app", "1 y", "1 z"]),
        ("su - app -c y; su app; su -l -c y app; su -c 'y' - app", &["1 su", "@ 1 app", "1 y"]),
        ("su -; su -s /bin/sh app -c y; runuser -u app y; su \"$U\"", &["1 su", "1 /bin/sh", "1 y", "1 runuser"]),
        ("su - app -s /bin/ash -c \"exec y --x\"", &["1 su", "1 /bin/ash", "1 y"]),
        ("sudo -u app -E A=1 y z", &["1 sudo", "1 y"]),
        ("chroot --userspec=a:b / y z", &["1 chroot", "1 y"]),
        ("tini -g -- y z", &["1 tini", "1 y"]),
        ("exec dumb-init -r 15:2 y", &["1 dumb-init", "1 y"]),
        ("timeout -k 5 10 nice -n 5 env -i A=1 y", &["1 timeout", "1 nice", "1 env", "1 y"]),
        (
            "find / -type f -name sh -exec chown a {} + -o -exec sh -c 'y \"$1\"' _ {} \\;",
            &["1 find", "1 chown", "1 sh", "1 y"],
        ),
        ("a | xargs -0 -n 1 -I {} y {}", &["1 a", "1 xargs", "1 y"]),
        ("trap 'y; exit' INT TERM; trap - EXIT; trap '' HUP", &["1 y"]),
        ("eval 'y z'; eval \"exec w $x\"", &["1 y", "1 w"]),
        ("bash -euo pipefail -c 'y' z; sh /z.sh a; bash -s < f", &["1 bash", "1 y", "1 sh", ". 1 /z.sh"]),
        ("command y; command -v z; command -p w", &["1 y", "1 w"]),
        ("wait-for-it.sh db:5432 -t 5 -- y z", &["1 wait-for-it.sh", "1 y"]),
        ("flock -n /l -c 'y'; flock /l z", &["1 flock", "1 y", "1 z"]),
        ("start-stop-daemon --start --exec /y -- -x", &["1 start-stop-daemon", "1 /y"]),
        ("run-parts --exit-on-error /docker.d", &["/ 1 /docker.d", "1 run-parts"]),
        ("2>&1 >/dev/null A=b y", &["1 y"]),
        ("if ! y; then z; fi | w", &["1 y", "1 z", "1 w"]),
        ("coproc y; ! z", &["1 y", "1 z"]),
        ("printf %s \\$y; echo y | read z", &[]),
    ]);
}

#[test]
fn builtins_are_those_of_the_shell() {
    let script = "time a; help; declare b; pushd c; let d; mapfile e";
    assert_eq!(uses_as(script, Dialect::Bash), ["1 a"]);
    assert_eq!(uses_as(script, Dialect::Ash), ["1 time", "1 a", "1 pushd", "1 mapfile"]);
    assert_eq!(uses_as(script, Dialect::Posix), ["1 time", "1 a", "1 help", "1 pushd", "1 mapfile"]);
}

#[test]
fn functions_are_no_programs_and_run_only_when_they_are_called() {
    check(&[
        ("f() { a; }\nf", &["1 a"]),
        ("f() { a; }\ng() { b; f; }\nh() { c; }\ng", &["1 a", "2 b"]),
        ("function f { a; }\nfunction g() { b; }\nfunction h\n{\n c\n}\nf; g; h", &["1 a", "2 b", "5 c"]),
        ("f() ( a )\ng() if b; then c; fi\nf; g", &["1 a", "2 b", "2 c"]),
        ("f() { a; }\nrun_as() { \"$@\"; }\nrun_as f", &["1 a"]),
        ("f() { a; }\nfor x in f g; do $x; done", &["1 a", "2 g"]),
        ("f() { a; }\ntrap f EXIT", &["1 a"]),
        ("f() { f; a; }", &[]),
        ("alias ll='ls -l'\nalias w=y\nw", &["2 y"]),
        ("nginx() { command nginx; }\nnginx", &[]),
    ]);
}

#[test]
fn a_use_under_a_test_for_its_program_is_optional() {
    check(&[
        ("if command -v a >/dev/null 2>&1; then a b; c; fi; a", &["1 a", "1 c"]),
        ("if command -v a >/dev/null; then a; else b; fi", &["1 a?", "1 b"]),
        ("if ! command -v a; then b; else a; fi", &["1 b", "1 a?"]),
        ("if which a; then x; elif type b; then b; fi", &["1 which", "1 x", "1 b?"]),
        ("command -v a && a; b", &["1 a?", "1 b"]),
        ("command -v a >/dev/null || exit 0\na", &["2 a?"]),
        ("command -v a >/dev/null || { echo no; exit 1; }\na", &["2 a"]),
        ("command -v a >/dev/null || { echo no; exit 0; }\na", &["2 a?"]),
        ("if ! command -v a; then echo; return 0; fi\na", &["2 a?"]),
        ("if ! command -v a; then echo missing; exit 1; fi\na", &["2 a"]),
        ("[ -x /usr/sbin/a ] || exit 0\n/usr/sbin/a", &["2 /usr/sbin/a?"]),
        ("[ ! -x /usr/sbin/a ] && exit 0\n/usr/sbin/a", &["2 /usr/sbin/a?"]),
        ("[ -x /usr/sbin/a ] && a", &["1 a?"]),
        ("D=/usr/sbin/a\ntest -x $D || exit 0\n${D} x", &["3 /usr/sbin/a?"]),
        ("if [ -x \"$(command -v a)\" ]; then a; fi", &["1 a?"]),
        ("if [ -z \"$(which a)\" ]; then b; else a; fi", &["1 which", "1 b", "1 a?"]),
        ("A=$(command -v a || true)\nif [ -n \"$A\" ]; then $A x; fi", &["2 a?"]),
        ("[ -r /etc/default/x ] && . /etc/default/x", &[". 1 /etc/default/x?"]),
        ("if [ \"$1\" = x ] && command -v a; then a; fi", &["1 a?"]),
        ("if command -v a || command -v b; then a; fi", &["1 a"]),
        ("has() { command -v \"$1\" >/dev/null; }\nif has a; then a; fi", &["2 a?"]),
        ("while command -v a; do a; done; a", &["1 a"]),
        ("( command -v a || exit 0; a ); a", &["1 a"]),
        ("hash a 2>/dev/null && exec a", &["1 a?"]),
    ]);
}

#[test]
fn variables_with_literal_values_are_followed() {
    check(&[
        ("H=${APACHE:-/usr/sbin/apache2}\nexec $H -k start", &["2 /usr/sbin/apache2"]),
        (
            "B=/usr/lib/pg/15/bin\n\"$B/initdb\" x; \"${B}\"/postgres",
            &["2 /usr/lib/pg/15/bin/initdb", "2 /usr/lib/pg/15/bin/postgres"],
        ),
        (": \"${CMD:=nginx}\"\nexec \"$CMD\"", &["2 nginx"]),
        ("c=\"gosu app nginx\"\nexec $c", &["2 gosu", "2 nginx"]),
        ("args=(nginx -g x)\nexec \"${args[@]}\"", &["2 nginx"]),
        ("c='exec'\nc='gosu redis'\n$c x", &["3 gosu"]),
        ("x=$1\n$x", &[]),
        ("a=$b\nb=$a\n$a", &[]),
        ("local c=y; export d=z; $c; $d", &["1 y", "1 z"]),
        (". \"$(dirname \"$0\")/lib.sh\"", &["1 dirname", ". 1 /opt/app/bin/lib.sh"]),
        (
            "D=\"$(cd \"$(dirname \"${BASH_SOURCE[0]}\")\" >/dev/null 2>&1 && pwd)\"\nsource \"$D/../lib.sh\"",
            &["1 dirname", ". 2 /opt/app/bin/../lib.sh"],
        ),
        (". \"${0%/*}/lib.sh\"", &[". 1 /opt/app/bin/lib.sh"]),
    ]);
    assert_eq!(unknown("c=$1; shift; $c; for f; do \"$f\"; done; \"${x}\""), ["1 ${x}"]);
    assert_eq!(unknown("exec \"$@\"\n$1\n\"$CMD\" x\n$CMD\n$(a) b\n`c`"), ["3 $CMD", "5 $(a)", "6 `c`"]);
}

#[test]
fn words_of_set_run_where_the_script_runs_its_arguments() {
    check(&[
        ("if [ \"${1#-}\" != \"$1\" ]; then\n set -- nginx \"$@\"\nfi\nexec \"$@\"", &["2 nginx"]),
        ("set -- gosu app \"$@\"\nexec \"$@\"", &["1 gosu"]),
        ("set -- tini -- \"$@\"\nexec su-exec app \"$@\"", &["1 tini", "2 su-exec"]),
        ("set -- a b c\nfor x; do echo $x; done", &[]),
    ]);
}

#[test]
fn a_program_starts_files_and_no_builtins() {
    // Every name that a shell answers itself, behind every program that starts another one.
    for name in ["test", "[", "printf", "true", "false", "kill", "echo", "pwd"] {
        for before in [
            "env",
            "exec",
            "xargs",
            "timeout 5",
            "nice",
            "nohup",
            "find / -exec",
            "gosu app",
            "su-exec app",
            "flock /l",
            "setsid",
            "exec env A=b",
            "chroot /x",
        ] {
            let found = uses(&format!("{before} {name} a"));
            assert!(found.contains(&format!("1 {name}")), "{before} {name}: {found:?}");
        }
        for before in ["", "command ", "builtin ", "if ", "! ", "A=b ", "a=$b "] {
            let found = uses(&format!("{before}{name} a"));
            assert!(!found.contains(&format!("1 {name}")), "{before}{name}: {found:?}");
        }
    }
    check(&[
        ("a | xargs", &["1 a", "1 xargs", "1 echo"]),
        ("a | xargs -n 1 -0", &["1 a", "1 xargs", "1 echo"]),
        // A function is not what a program starts.
        ("tac() { :; }; tac; env tac", &["1 env", "1 tac"]),
    ]);
    let found: Vec<String> =
        execline::programs("loopwhilex sleep 1\nfdmove -c 2 1 importas -i A B true\nredirfd -w 1 /x s6-env A=b test\n")
            .into_iter()
            .map(|(line, name)| format!("{line} {name}"))
            .collect();
    let expected = ["1 loopwhilex", "1 sleep", "2 fdmove", "2 importas", "2 true", "3 redirfd", "3 s6-env", "3 test"];
    assert_eq!(found, expected);
}

#[test]
fn functions_that_run_their_arguments_run_those_of_their_calls() {
    check(&[
        ("retry() { until \"$@\"; do sleep 1; done; }\nretry tac x", &["1 sleep", "2 tac"]),
        (
            "as_app() { setpriv --reuid app -- \"$@\"; }\nas_app tac x; as_app test -f y",
            &["1 setpriv", "2 tac", "2 test"],
        ),
        ("f() { local c=$1; shift; $c \"$@\"; }\nf tac x", &["2 tac", "2 x"]),
        ("f() { n=$1; shift; \"$@\"; }\nf 5 tac", &["2 tac"]),
        ("f() { g \"$@\"; }\ng() { \"$@\"; }\nf tac", &["3 tac"]),
        ("f() { \"$@\"; }\ng() { gosu app \"$@\"; }\nf g tac", &["2 gosu", "3 tac"]),
        ("f() { \"$@\"; }\nf sh -c 'tac | sort'", &["2 sh", "2 tac", "2 sort"]),
        ("f() { \"$@\"; }\nf f f f tac", &["2 tac"]),
        ("f() { echo \"$@\"; }\nf tac", &[]),
        ("f() { \"$@\"; }\nif command -v tac; then f tac; fi", &["2 tac?"]),
        ("f() { eval \"$@\"; }\nf tac x", &["2 tac"]),
    ]);
}

#[test]
fn arrays_hold_commands() {
    check(&[
        ("c=(gosu app nginx -g x)\n\"${c[@]}\"", &["2 gosu", "2 nginx"]),
        ("c=(nice)\nc+=(-n 5 nginx)\nexec \"${c[@]}\" x", &["3 nice", "3 nginx"]),
        ("c=(sh -c)\nc[2]=x\n${c[*]}", &["3 sh"]),
        ("c=()\nc+=(tac)\n\"${c[@]}\"", &["3 tac"]),
        // One element: bash and ksh count from 0, zsh from 1, and all of them take any of them here.
        ("c=(tac nl)\n$c[1] x", &["2 tac", "2 nl"]),
        ("c=(tac nl)\n\"$c[-1]\" x", &["2 tac", "2 nl"]),
        ("c=(tac nl)\n\"${c[i+1]}\" x", &["2 tac", "2 nl"]),
        ("c[1]=tac\nc[2]=nl\n\"${c[2]}\" x", &["3 tac", "3 nl"]),
        ("declare -A c=([x]=tac [y]=nl)\n\"${c[x]}\" x", &["2 tac", "2 nl"]),
        ("set -A c tac nl\n\"${c[1]}\" x", &["2 tac", "2 nl"]),
        ("set -A c tac x\n\"${c[@]}\"", &["2 tac"]),
    ]);
    assert_eq!(unknown("repl[$n]=$v\nrepl[\"$n\"]=$v\nrepl[x]+=y\na[0]=b c"), [""; 0]);
    assert_eq!(uses("repl[$n]=$(tac)\nrepl[x]=y sort"), ["1 tac", "2 sort"]);
}

#[test]
fn a_computed_name_may_be_that_of_any_function() {
    check(&[
        ("up() { flock /l tac; }\nfor a; do case $a in --*) t=${a#--}; \"$t\" ;; esac; done", &["1 flock", "1 tac"]),
        ("up() { tac; }\n\"$CMD\"", &["1 tac"]),
        ("up() { tac; }\n\"$@\"", &["1 tac"]),
        // A program is started, and no function.
        ("up() { tac; }\nexec \"$@\"", &[]),
        ("up() { tac; }\nexec \"$CMD\"", &[]),
    ]);
}

#[test]
fn code_on_the_standard_input_of_a_shell_is_code() {
    check(&[
        ("bash -s <<E\ntac\nE\nsort", &["1 bash", "2 tac", "4 sort"]),
        ("sh <<'E'\ntac $x\nE", &["1 sh", "2 tac"]),
        ("su - app <<E\ntac\nE", &["1 su", "@ 1 app", "2 tac"]),
        ("gosu app bash <<-E\n\ttac\n\tE", &["1 gosu", "1 bash", "2 tac"]),
        ("cat <<E | sh\ntac\nE", &["1 cat", "1 sh", "2 tac"]),
        ("echo 'tac x; sort' | sh", &["1 sh", "1 tac", "1 sort"]),
        ("bash <<<'tac x'", &["1 bash", "1 tac"]),
        ("cat <<E\ntac\nE", &["1 cat"]),
        ("sh /x <<E\ntac\nE", &["1 sh", ". 1 /x"]),
    ]);
}

#[test]
fn a_word_that_may_be_empty_leaves_its_place_to_the_next() {
    check(&[
        ("exec ${DEBUG:+strace} tac x", &["1 strace", "1 tac"]),
        ("${DEBUG+strace -f} tac", &["1 strace", "1 tac"]),
        ("S=\n[ \"$USER\" = root ] || S=sudo\n$S tac x", &["3 sudo", "3 tac"]),
        ("${P:-} tac", &["1 tac"]),
        ("eval run-parts \"$V\" --test -- \"$D\"", &["1 run-parts"]),
        ("D=/x.d\neval run-parts \"$V\" --test -- \"$D\"", &["2 run-parts", "/ 2 /x.d"]),
    ]);
}

#[test]
fn directories_of_scripts_are_named() {
    check(&[
        (
            "for f in /docker-entrypoint.d/*.sh; do . \"$f\"; done",
            &["/ 1 /docker-entrypoint.d/*.sh", ". 1 /docker-entrypoint.d/*.sh"],
        ),
        ("find \"/init.d/\" -type f | sort | while read -r f; do \"$f\"; done", &["/ 1 /init.d/", "1 find", "1 sort"]),
        ("D=/opt/x\nfor f in \"$D\"/*.sh; do sh \"$f\"; done", &["/ 2 /opt/x/*.sh", "2 sh", ". 2 /opt/x/*.sh"]),
    ]);
}

#[test]
fn what_stands_before_an_error_is_read() {
    let mut code = Code::new(Dialect::Posix);
    let error = code.read("a\nb; c 'x", "/x").unwrap();
    assert_eq!((error.what, error.line), ("'", 2));
    assert_eq!(code.finish().uses.len(), 3);
    let deep = "$(".repeat(100_000);
    let error = Code::new(Dialect::Posix).read(&deep, "/x").unwrap();
    assert_eq!(error.what, "(");
    assert_eq!(error.to_string(), "a substitution that is opened at character 97 is nested too deeply");
}

#[test]
fn execline_names_the_first_words_of_lines_and_blocks() {
    let script = "#!/command/execlineb -P\nforeground { mkdir -p \"/run x\" }\nif -t { s6-test -d /y }\n\
                  with-contenv s6-setuidgid app\n# comment\ns6-env A=b nginx -g \"daemon off; # x\"\n$CMD\n";
    let found: Vec<String> =
        execline::programs(script).into_iter().map(|(line, name)| format!("{line} {name}")).collect();
    assert_eq!(
        found,
        ["2 foreground", "2 mkdir", "3 if", "3 s6-test", "4 with-contenv", "4 s6-setuidgid", "6 s6-env", "6 nginx"]
    );
}

#[test]
fn time_is_linear_in_the_length() {
    // Of the processor, by this thread: the wall clock says more of what else the machine does.
    let used = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    for part in [
        "[",
        "((",
        "$((",
        "{ ",
        "( ",
        "\"$(",
        "`",
        "<<A ",
        "command -v a || ",
        "if a; then ",
        "x=$x ",
        "f() { ",
        "case a in a) ",
        "a=b$c;",
        "'a' ",
        "${",
        "$x$x",
        "\\`",
        "[[ a ",
        "<(",
        "=(",
        "a;",
        "x+=(",
        "set -- a;",
        "*.d/",
    ] {
        let time = |length: usize| {
            let script = part.repeat(length / part.len());
            let begin = used();
            let mut code = Code::new(Dialect::Bash);
            code.read(&script, "/x");
            code.sources();
            let _ = code.finish();
            let _ = names(&script);
            let _ = execline::programs(&script);
            used() - begin
        };
        let (short, long) = (time(10_000), time(80_000));
        // Eight times as much; sixty-four times would be quadratic.
        assert!(long < 0.1 + short * 24.0, "{part}: {short} s, then {long} s");
    }
}

fn never_panics_on(script: &str) {
    let mut code = Code::new(Dialect::Bash);
    code.read(script, "/x/y");
    code.sources();
    let _ = code.finish();
    let _ = names(script);
    let _ = split(script);
    let _ = commands(script);
    let _ = execline::programs(script);
}

proptest! {
    #[test]
    fn never_panics(script in "[ -~\n\t\u{e9}]{0,80}") {
        never_panics_on(&script);
    }

    #[test]
    fn never_panics_on_shell_characters(script in "[\\\\'\"`$(){};&|<>#\n a=EOF\\[\\]!-]{0,60}") {
        never_panics_on(&script);
    }

    #[test]
    fn never_panics_on_shell_words(
        parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..40)
    ) {
        never_panics_on(&parts.concat());
    }

    #[test]
    fn a_quoted_word_is_one_word(words in proptest::collection::vec("[ -~\n\u{e9}]{0,12}", 1..4)) {
        let line = words.iter().map(|word| super::quoted(word)).collect::<Vec<_>>().join(" ");
        prop_assert_eq!(split(&line).unwrap(), Some(words));
    }

    /// Code stays the same code inside a substitution, a group and a function that is called.
    #[test]
    fn what_surrounds_code_does_not_hide_it(name in "[a-z]{3,8}x", before in "[a-z ]{0,12}") {
        for script in [
            format!("echo '{before}' $({name} a)"), format!("{{ {name}; }}"), format!("f() {{ {name}; }}; f"),
            format!("case a in {before}a) {name} ;; esac"), format!("cat <<E\n{before}\nE\n{name}"),
            format!("x=\"{before}$({name})\""), format!("[ a ] && ! {name}"), format!("( ({name}) )"),
        ] {
            prop_assert!(uses(&script).iter().any(|found| found.ends_with(&format!(" {name}"))), "{}", script);
        }
    }
}

const PARTS: &[&str] = &[
    "if ",
    "then ",
    "else ",
    "elif ",
    "fi",
    "case ",
    " in ",
    "esac",
    "a) ",
    ";; ",
    "for x ",
    "do ",
    "done",
    "while ",
    "{ ",
    " }",
    "(",
    ")",
    "$(",
    "`",
    "\"",
    "'",
    "${x",
    "${x:-",
    "}",
    "$((",
    "))",
    "((",
    "[[ ",
    " ]]",
    "<<E\n",
    "<<-'E'\n",
    "E\n",
    "\n",
    "; ",
    " && ",
    " || ",
    " | ",
    " & ",
    "# ",
    "\\",
    "\\\n",
    "f() ",
    "function f ",
    "command -v x ",
    "exec ",
    "set -- ",
    "x=",
    "x=(",
    "eval ",
    "trap ",
    "sh -c ",
    ". ",
    "\"$@\"",
    "$x",
    "! ",
    "2>&1 ",
    "<(",
    "alias a=",
    "return",
    "exit 0",
];
