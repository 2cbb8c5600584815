//! Learning in real containers, with the engine's own seccomp profile and capabilities.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Output, Stdio};
use std::time::Duration;

use crate::common::Command;
use crate::docker::{Builder, Context, Options, binary, both, build, client, docker, docker_ok, unique};

/// A container that runs learn and writes to a directory of the machine.
fn learn(image: &str, options: &[&str], more: &[&str], command: &[&str]) -> (Output, Option<String>) {
    let out = tempfile::tempdir().expect("a directory");
    let harden = format!("{}:/harden:ro", binary().display());
    let mount = format!("{}:/out", out.path().display());
    let mut args = vec!["run", "--rm", "-v", &harden, "-v", &mount];
    args.extend(options);
    args.extend([image, "/harden", "learn", "-o", "/out/learned.toml"]);
    args.extend(more);
    args.push("--");
    args.extend(command);
    let output = docker(&args);
    (output, fs::read_to_string(out.path().join("learned.toml")).ok())
}

#[test]
fn a_container_learns_with_the_rights_that_it_has_anyway() {
    let command = ["/bin/sh", "-c", "cat /etc/debian_version; exit 7"];
    let unprivileged = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"];
    for options in [&[][..], &unprivileged[..]] {
        let (output, learned) = learn("harden-test/debian:12", options, &[], &command);
        assert_eq!(output.status.code(), Some(7), "{}", both(&output));
        let learned = learned.expect("a file");
        assert!(learned.contains("{ name = \"/usr/bin/cat\", reason = \"run by /usr/bin/dash\" }"), "{learned}");
        assert!(learned.contains("\"/etc/debian_version\""), "{learned}");
    }
}

#[test]
fn applets_are_learned_by_their_names() {
    let (output, learned) = learn("harden-test/alpine:3.20", &[], &[], &["sh", "-c", "cat /etc/issue"]);
    assert!(output.status.success(), "{}", both(&output));
    let learned = learned.expect("a file");
    assert!(learned.contains("\"/bin/cat\"") && learned.contains("\"/bin/sh\""), "{learned}");
    assert!(!learned.contains("\"/bin/busybox\","), "{learned}");
}

#[test]
fn where_ptrace_is_refused_the_message_says_what_to_allow() {
    let directory = tempfile::tempdir().expect("a directory");
    let profile = directory.path().join("profile.json");
    let text = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["ptrace"],"action":"SCMP_ACT_ERRNO"}]}"#;
    fs::write(&profile, text).expect("a profile");
    let option = format!("seccomp={}", profile.display());
    let (output, learned) = learn("harden-test/debian:12", &["--security-opt", &option], &[], &["/bin/true"]);
    assert_eq!(output.status.code(), Some(125), "{}", both(&output));
    assert!(both(&output).contains("--cap-add SYS_PTRACE"), "{}", both(&output));
    assert_eq!(learned, None);
}

/// A server that starts as root, with workers of another user, is stopped as an engine stops it.
#[test]
fn a_server_is_stopped_and_the_file_is_there() {
    let out = tempfile::tempdir().expect("a directory");
    let name = unique("learn");
    let harden = format!("{}:/harden:ro", binary().display());
    let mount = format!("{}:/out", out.path().display());
    docker_ok(&[
        "run",
        "-d",
        "--name",
        &name,
        "-v",
        &harden,
        "-v",
        &mount,
        "harden-test/debian:12-nginx",
        "/harden",
        "learn",
        "-o",
        "/out/learned.toml",
        "--",
        "nginx",
        "-g",
        "daemon off;",
    ]);
    let get = "exec 3<>/dev/tcp/127.0.0.1/80 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && head -1 <&3";
    let answer = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(200));
        let output = docker(&["exec", &name, "bash", "-c", get]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text).filter(|text| text.starts_with("HTTP/"))
    });
    docker_ok(&["stop", &name]);
    let status = docker_ok(&["inspect", "-f", "{{.State.ExitCode}}", &name]);
    let log = both(&docker(&["logs", &name]));
    docker_ok(&["rm", "-f", &name]);
    assert!(answer.is_some_and(|line| line.contains("200")), "no answer: {log}");
    assert_eq!(status, "0", "{log}");
    let learned = fs::read_to_string(out.path().join("learned.toml")).expect("a file");
    for path in ["/usr/sbin/nginx", "/etc/nginx/nginx.conf"] {
        assert!(learned.contains(&format!("\"{path}\"")), "{path} is missing:\n{learned}");
    }
    // What the package's own start left; the program makes its own.
    assert!(!learned.contains("\"/var/log/nginx/error.log\""), "{learned}");
    // What only a worker opened, after it had dropped its user.
    assert!(learned.contains("/var/www/html") || learned.contains("/usr/share/nginx"), "{learned}");
}

/// What a command says that counts its signals.
const COUNTS: &str = r#"
$| = 1;
my %n;
for my $s (qw(INT TERM HUP)) { $SIG{$s} = sub { $n{$s}++; print "got-$s\n" } }
$SIG{USR1} = sub { open F, "<", "/etc/debian_version"; print "sum ", join(",", map { "$_=$n{$_}" } sort keys %n), " end\n"; exit 7 };
print "ready\n";
select undef, undef, undef, 0.1 while 1
"#;

/// learn is process 1 of a container with a terminal: what is typed and what the engine sends comes to the command once, and a
/// key that stops jobs freezes nothing, since nobody could let it go on.
#[test]
fn as_process_one_with_a_terminal_every_signal_comes_once() {
    let out = tempfile::tempdir().expect("a directory");
    let name = unique("terminal");
    let (program, host) = client();
    let run = format!(
        "exec {} run -it --rm --init=false --name {name} -v {}:/harden:ro -v {}:/out harden-test/debian:12 \
         /harden learn -o /out/learned.toml -- perl -e \"$COUNTS\"",
        program.display(),
        binary().display(),
        out.path().display(),
    );
    let mut terminal = Command::new("script")
        .args(["-qefc", &run, "/dev/null"])
        .envs(host.map(|host| ("DOCKER_HOST", host)))
        .env("COUNTS", COUNTS)
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script(1) starts");
    let mut keys = terminal.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(terminal.stdout.take().expect("a pipe")).lines();
    let mut see = |text: &str| {
        let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains(text)));
        line.unwrap_or_else(|| panic!("{text} never came")).expect("a line")
    };
    see("ready");
    for (typed, says) in
        [(Some(b"\x03"), "got-INT"), (Some(b"\x1a"), ""), (Some(b"\x03"), "got-INT"), (None, "TERM"), (None, "HUP")]
    {
        match typed {
            Some(key) => keys.write_all(key).expect("a key"),
            None => drop(docker_ok(&["kill", "--signal", says, &name])),
        }
        if !says.is_empty() {
            see(says);
        }
    }
    docker_ok(&["kill", "--signal", "USR1", &name]);
    let sum = see("sum ");
    assert!(sum.contains("sum HUP=1,INT=2,TERM=1 end"), "{sum}");
    assert_eq!(terminal.wait().expect("an end").code(), Some(7));
    let learned = fs::read_to_string(out.path().join("learned.toml")).expect("a file");
    assert!(learned.contains("\"/etc/debian_version\""), "{learned}");
}

/// The first block of docs/learn.md, for this image and these words in the place of its command.
fn documented(image: &str, place: &std::path::Path, command: &str) -> Output {
    let page = include_str!("../../docs/learn.md");
    let block: Vec<&str> = page.lines().skip_while(|line| !line.starts_with("    ")).collect();
    let block: Vec<&str> = block.into_iter().take_while(|line| line.starts_with("    ")).collect();
    let (program, host) = client();
    let line = block.join("\n");
    assert!(
        line.contains(" IMAGE ") && line.contains("$PWD/harden:") && line.contains(" dotnet /app/MyApp.dll"),
        "{line}"
    );
    let line = line
        .replace("docker run", &format!("{} run", program.display()))
        .replace("$PWD/harden:", &format!("{}:", binary().display()))
        .replace(" IMAGE ", &format!(" {image} "))
        .replace("dotnet /app/MyApp.dll", command);
    let mut shell = Command::new("sh");
    shell.args(["-ec", &line]).current_dir(place).envs(host.map(|host| ("DOCKER_HOST", host)));
    shell.output().expect("a shell")
}

/// The line that the page gives works on images that have a USER, whose home is the command's, unless the image says otherwise.
#[test]
fn the_documented_line_works_on_an_image_with_a_user() {
    for (environment, home) in [("", "/srv/app"), ("ENV HOME=/app\n", "/app")] {
        let dockerfile = format!(
            "FROM harden-test/debian:12\nRUN useradd -m -d /srv/app app && mkdir /app && echo 1 | tee /app/file >/srv/app/file\n\
             {environment}USER app\n"
        );
        let context = Context::new().file("Dockerfile", 0o644, &dockerfile);
        let image = build(Builder::BuildKit, &context, &Options::default());
        let place = tempfile::tempdir().expect("a directory");
        let output = documented(&image.tag, place.path(), "/bin/sh -c 'echo $HOME; cat $HOME/file; id -un'");
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{home}\n1\napp\n"), "{}", both(&output));
        assert!(output.status.success(), "{}", both(&output));
        let learned = fs::read_to_string(place.path().join("out/learned.toml")).expect("a file");
        assert!(learned.contains(&format!("{{ path = \"{home}/file\"")), "{learned}");
        // The same as that user, who cannot write there: the message says how.
        let (output, _) = learn(&image.tag, &[], &[], &["/bin/true"]);
        let said = both(&output);
        assert!(
            output.status.code() == Some(125) && said.contains("docker run --user 0 … learn --user USER"),
            "{said}"
        );
    }
}

/// What a profile lets through, asked of perl, whose calls are made by number.
fn asks(profile: &std::path::Path, options: &[&str]) -> String {
    // memfd_secret of another kernel is as good as none; shmget(2) is old, and Docker's own profile allows it.
    let shmget = if cfg!(target_arch = "aarch64") { 194 } else { 29 };
    let script = format!("for (435, {shmget}, 39) {{ $! = 0; syscall($_, 0, 4096, 0600); print 0 + $!, ' ' }}");
    let option = format!("seccomp={}", profile.display());
    let mut args = vec!["run", "--rm", "--security-opt", &option];
    args.extend(options);
    args.extend(["harden-test/debian:12", "perl", "-e", &script]);
    both(&docker(&args))
}

/// A profile of one run, and of two; with and without what makes runtimes work harder behind it.
#[test]
fn a_profile_allows_what_the_command_did_and_nothing_else() {
    let out = tempfile::tempdir().expect("a directory");
    let mount = format!("{}:/profile", out.path().display());
    let profile = out.path().join("seccomp.json");
    let run = |script: &str| {
        let more = ["--merge", "--seccomp", "/profile/seccomp.json"];
        let (output, _) = learn("harden-test/debian:12", &["-v", &mount], &more, &["perl", "-e", script]);
        assert_eq!(output.status.code(), Some(7), "{}", both(&output));
        assert!(both(&output).contains("system calls allowed in '/profile/seccomp.json'"), "{}", both(&output));
    };
    run("exit 7");
    // clone3(2) is answered as by an older kernel, for C libraries; an old call is refused.
    let refused = if cfg!(target_arch = "aarch64") { "38 1 " } else { "38 1 0 " };
    let ways: [&[&str]; 5] = [
        &[],
        &["--security-opt", "no-new-privileges"],
        &["--user", "1000:1000", "--cap-drop", "ALL"],
        &["--init", "-t"],
        &["--read-only", "--tmpfs", "/tmp", "-w", "/tmp"],
    ];
    for options in ways {
        let said = asks(&profile, options);
        assert!(said.starts_with(refused), "{options:?}: {said}");
    }
    run("socket(my $s, 2, 1, 0) or die; syscall(29, 0, 4096, 0600); syscall(194, 0, 4096, 0600); exit 7");
    assert!(asks(&profile, &[]).starts_with("38 0 "), "{}", asks(&profile, &[]));
    let text = fs::read_to_string(&profile).expect("a profile");
    assert!(text.contains("\"socket\"") && text.contains("SCMP_ARCH_"), "{text}");
}
