//! What an attacker starts in a hardened image: every executable file of it is tried, by its path, as the image's user.

use crate::bases::ALPINE;
use crate::docker::{Builder, Context, Image, Options, both, build, docker};

/// Debian 12 with programs of every kind that have their programs outside of the command directories, or no interpreter of
/// Debian's.
const TOOLS: &str = "harden-test/debian:12-tools";

/// Prints each file below the root that the kernel starts. busybox's own `timeout` ends with 126 or 127 when it does not. A
/// shared object without an entry point runs nothing: it ends by SIGSEGV at address 0.
const START: &str = r#"
b=/t/busybox
$b find / -xdev -path /t -prune -o -type f -perm /111 -print | while IFS= read -r file; do
    $b timeout -s KILL 3 "$file" </dev/null >/dev/null 2>&1
    case $? in 126 | 127 | 139) ;; *) echo "$file" ;; esac
done
"#;

/// What starts in a container of the image, as the image's user.
fn started(image: &str, script: &str) -> Vec<String> {
    let mount = "/bin/busybox:/t/busybox:ro";
    let options = ["run", "--rm", "--network", "none", "--read-only", "--user", "1000:1000", "-v", mount];
    let output = docker(&[&options[..], &[image, "/t/busybox", "sh", "-c", script]].concat());
    assert!(output.status.success(), "{}", both(&output));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn hardened(plain: &Image, config: &str) -> Image {
    let dockerfile = format!("FROM {}\nCOPY harden harden.toml /\nRUN [\"/harden\", \"apply\"]\n", plain.tag);
    let context = Context::with_harden(config).file("Dockerfile", 0o644, &dockerfile);
    build(Builder::Classic, &context, &Options::default())
}

/// Everything that starts is `kept`, or the report names it.
#[track_caller]
fn assert_named(image: &Image, kept: &[&str]) {
    let started = started(&image.tag, START);
    for path in kept {
        assert!(started.iter().any(|found| found == path), "{path} does not start; what does: {started:?}");
    }
    let unnamed: Vec<_> = started
        .iter()
        .filter(|path| !kept.contains(&path.as_str()) && !image.log.contains(&format!("'{path}'")))
        .collect();
    assert!(unnamed.is_empty(), "start, and the report does not name them: {unnamed:?}\n{}", image.log);
}

#[test]
fn debian_with_tools_starts_what_is_kept() {
    let dockerfile = format!("FROM {TOOLS}\nRUN true\n");
    let plain = build(Builder::Classic, &Context::new().file("Dockerfile", 0o644, &dockerfile), &Options::default());
    let tools = [
        "/usr/lib/klibc/bin/cat",
        "/usr/lib/git-core/git-daemon",
        "/usr/lib/postgresql/15/bin/psql",
        "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
        "/usr/bin/python3.11",
        "/bin/sash",
    ];
    let each = format!(
        "for file in {}; do /t/busybox timeout -s KILL 3 $file --version </dev/null >/dev/null 2>&1; case $? in 126 | 127) ;; *) echo $file ;; esac; done",
        tools.join(" ")
    );
    assert_eq!(started(&plain.tag, &each), tools, "before");
    let image = hardened(&plain, "[run]\nuser = \"app:1000:1000\"\ncommand = [\"id\"]\n");
    assert_eq!(started(&image.tag, &each), [""; 0], "after");
    // The loader and the C library are programs as well, and id needs them.
    let libraries = "/usr/lib/x86_64-linux-gnu/";
    let needed = ["ld-linux-x86-64.so.2", "libc.so.6"].map(|name| format!("{libraries}{name}"));
    assert_named(&image, &["/usr/bin/id", &needed[0], &needed[1]]);
}

/// A second binary with applets, as busybox-extras has it, and one where no package's programs are.
#[test]
fn alpine_with_more_applets_starts_what_is_kept() {
    let dockerfile = format!(
        "FROM {}\nRUN cp /bin/busybox /bin/busybox-extras && ln -s /bin/busybox-extras /usr/bin/telnet && \
         ln -s /bin/busybox-extras /usr/sbin/httpd && cp /bin/busybox /usr/bin/python3 && \
         mkdir -p /usr/libexec/own && cp /bin/busybox /usr/libexec/own/tool && cp /bin/busybox /opt/copy\n",
        ALPINE.tag
    );
    let plain = build(Builder::Classic, &Context::new().file("Dockerfile", 0o644, &dockerfile), &Options::default());
    let each =
        "for file in /bin/busybox-extras /usr/bin/telnet /usr/bin/python3; do [ -e $file ] && echo $file; done; true";
    assert_eq!(started(&plain.tag, each).len(), 3, "before");
    let image = hardened(&plain, "[run]\nuser = \"app:1000:1000\"\ncommand = [\"id\"]\n");
    assert_eq!(started(&image.tag, each), [""; 0], "after");
    assert_named(&image, &["/bin/busybox", "/lib/ld-musl-x86_64.so.1"]);
}
