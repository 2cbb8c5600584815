//! BusyBox in real images: what answers in a container afterwards, what the layer holds, and the self-test of a build step.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::bases::ALPINE;
use crate::common::Command;
use crate::common::busybox::{Binary, Kind as Relocations};
use crate::docker::{
    Builder, Container, Context, Image, Options, binary, both, build, docker, docker_ok, fixture, flatten,
};
use crate::layer::Stamped;
use crate::tree::{Entry, Kind};

/// What busybox's shell answers itself though programs have the same names; since 1.37 `sleep` as well.
const BUILTINS: &[&str] = &["[", "[[", "echo", "false", "kill", "printf", "pwd", "test", "true"];

const RUN: &str = "[run]\nuser = \"app:1000:1000\"\n";
/// Applets that no file is named by are kept by naming their calls.
const CALLS: &str = "command = [[\"busybox\", \"sh\", \"-c\", \"exit\"], [\"busybox\", \"cat\"]]\n";
const LINKS: &str = "command = \"none\"\n[keep]\ncommands = [\"/usr/local/bin/sh\", \"/usr/local/bin/cat\"]\n";

/// Runs in the hardened container, where nothing but sh, its builtins and cat are left. /l holds a link for each name.
const EVERY_WAY: &str = r#"
try() { # NAME WAY COMMAND...
    name=$1 way=$2
    shift 2
    out=$("$@" 2>&1 </dev/null)
    status=$?
    count=$((count + 1))
    case $status:$out in
        127:*"not found"*) ;;
        *) echo "$name $way: $status $out" ;;
    esac
}
count=0
for name in $(/bin/busybox cat /l/names); do
    try "$name" busybox /bin/busybox "$name"
    try "$name" help /bin/busybox --help "$name"
    try "$name" path /bin/busybox "/x/$name"
    try "$name" argv0 "/l/$name" x
    for directory in /bin /usr/bin /sbin /usr/sbin /usr/local/bin; do try "$name" link "$directory/$name"; done
    case " $BUILTINS " in *" $name "*) continue ;; esac
    try "$name" shell "$name" --help
    try "$name" command command "$name" --help
    out=$( (exec "$name" --help) 2>&1 </dev/null)
    case $?:$out in 127:*"not found"*) ;; *) echo "$name exec: $out" ;; esac
done
echo "$count calls"
/l/cat /etc/os-release
"#;

/// Harden an image on `base` by `config` and call everything but sh and cat in a container of it, in every way there is.
/// `shell` starts a shell there.
#[track_caller]
fn assert_only_kept_applets_answer(base: &str, steps: &str, context: Context, config: &str, shell: &[&str]) {
    let before = tempfile::tempdir().unwrap();
    let dockerfile = format!("FROM {base}\n{steps}\n");
    let plain = build(Builder::Classic, &context.file("Dockerfile", 0o644, &dockerfile), &Options::default());
    plain.unpack(before.path());
    let found = harden::testing::applets::read(&fs::read(before.path().join("bin/busybox")).unwrap()).unwrap();
    assert!(found.names.len() > 250, "{}", found.names.len());

    let dockerfile =
        format!("FROM {}\nCOPY harden harden.toml /\nRUN [\"/harden\", \"apply\"]\nUSER 1000:1000\n", plain.tag);
    let context = Context::with_harden(config).file("Dockerfile", 0o644, &dockerfile);
    let image = build(Builder::Classic, &context, &Options::default());
    let after = tempfile::tempdir().unwrap();
    image.unpack(after.path());
    let left = harden::testing::applets::read(&fs::read(after.path().join("bin/busybox")).unwrap()).unwrap();
    assert_eq!((&left.names[..], left.disabled), (&["cat".to_owned(), "sh".to_owned()][..], found.names.len() - 2));
    let builtins: Vec<&str> = left.builtins.iter().map(String::as_str).filter(|&name| name != "sleep").collect();
    assert_eq!(builtins, BUILTINS, "the shell's own are listed");

    let links = tempfile::tempdir().unwrap();
    fs::set_permissions(links.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for name in &found.names {
        symlink("/bin/busybox", links.path().join(name)).unwrap();
    }
    let gone: Vec<&str> = found.names.iter().map(String::as_str).filter(|name| !["sh", "cat"].contains(name)).collect();
    fs::write(links.path().join("names"), gone.join("\n")).unwrap();
    let mount = format!("{}:/l:ro", links.path().display());
    let builtins = format!("BUILTINS={}", left.builtins.join(" "));
    let script = format!("set -f\n{EVERY_WAY}");
    let run = ["run", "--rm", "-v", &mount, "-e", &builtins, &image.tag];
    let output = docker(&[&run[..], shell, &["-c", &script]].concat());
    let text = both(&output);
    assert!(output.status.success(), "{text}");
    // What a name answered that should not stands before the count.
    let calls = text.split_once(" calls\n").unwrap_or_else(|| panic!("{text}"));
    assert!(calls.0.parse::<usize>().is_ok_and(|calls| calls > gone.len() * 9), "{text}");
    assert!(calls.1.contains("PRETTY_NAME="), "{text}");
}

#[test]
fn alpine_answers_to_its_kept_applets_only_whichever_way_they_are_called() {
    let config = format!("{RUN}command = \"none\"\n\n[keep]\ncommands = [\"sh\", \"cat\"]\n");
    assert_only_kept_applets_answer(ALPINE.tag, "RUN true", Context::new(), &config, &["/bin/sh"]);
}

/// Debian's packages as they are installed, and with the links that busybox makes itself.
fn debian(tag: &str, suite: &str, package: &str, linked: bool) {
    let deb = fixture(&format!("applets/packages/{suite}-{package}.deb"));
    let more = if linked { " && busybox --install -s /usr/local/bin" } else { "" };
    let steps = format!("COPY busybox.deb /\nRUN dpkg -i /busybox.deb && rm /busybox.deb{more}");
    let config = format!("{RUN}{}", if linked { LINKS } else { CALLS });
    let shell: &[&str] = if linked { &["/usr/local/bin/sh"] } else { &["/bin/busybox", "sh"] };
    assert_only_kept_applets_answer(tag, &steps, Context::new().add(&deb, "busybox.deb"), &config, shell);
}

#[test]
fn busybox_of_debian_12_answers_to_its_kept_applets_only() {
    debian("harden-test/debian:12", "bookworm", "busybox", false);
}

#[test]
fn busybox_of_debian_13_answers_to_its_kept_applets_only() {
    debian("harden-test/debian:13", "trixie", "busybox", true);
}

#[test]
fn busybox_static_of_debian_12_answers_to_its_kept_applets_only() {
    debian("harden-test/debian:12", "bookworm", "busybox-static", true);
}

#[test]
fn busybox_static_of_debian_13_answers_to_its_kept_applets_only() {
    debian("harden-test/debian:13", "trixie", "busybox-static", false);
}

/// The links of applets that go are whiteouts. Debian's busybox has none: with every other rule off its layer holds one
/// file, and nothing else but what the builder itself brings for the step.
#[test]
fn disabled_applets_add_one_file_to_the_layer() {
    let bind = "RUN --mount=type=bind,source=harden,target=/run/harden \
                --mount=type=bind,source=harden.toml,target=/run/harden.toml [\"/run/harden\", \"apply\"]";
    let copy = "COPY harden harden.toml /\nRUN [\"/harden\", \"apply\"]";
    let debian = "FROM harden-test/debian:12\nCOPY busybox.deb /\nRUN dpkg -i /busybox.deb && rm /busybox.deb\n";
    let alpine = format!("FROM {}\n", ALPINE.tag);
    let kept = "command = \"none\"\n[keep]\ncommands = [\"sh\", \"cat\"]\n";
    for (builder, base, keep, on, step) in [
        (Builder::BuildKitBind, debian, CALLS, &["remove.applets"][..], bind),
        (Builder::Classic, debian, CALLS, &["remove.applets", "remove.self"], copy),
        (Builder::BuildKitBind, &alpine, kept, &["remove.applets", "remove.commands"], bind),
    ] {
        let off = harden::testing::rules::ids().into_iter().filter(|id| !on.contains(id));
        let off: String = off.map(|id| format!("{id:?} = \"off\"\n")).collect();
        let context = Context::with_harden(&format!("{RUN}{keep}[rules]\n{off}"))
            .add(&fixture("applets/packages/bookworm-busybox-static.deb"), "busybox.deb")
            .file("Dockerfile", 0o644, &format!("{base}{step}\n"));
        let layers = build(builder, &context, &Options::default()).layers();
        let (layer, below) = layers.split_last().map(|(last, below)| (last, flatten(below))).unwrap();
        let what = format!("{builder:?} on {base}");
        let paths = |wanted: &dyn Fn(&Entry) -> bool| -> Vec<&str> {
            layer.entries.iter().filter(|(_, entry)| wanted(entry)).map(|(path, _)| path.as_str()).collect()
        };
        let gone = |entry: &Entry| entry.kind == Kind::Whiteout;
        let files = paths(&|entry| !entry.is_dir() && !gone(entry));
        let path = if base == alpine { "bin/busybox" } else { "usr/bin/busybox" };
        assert_eq!(files, [path], "{what}");
        match on {
            ["remove.applets"] => assert_eq!(paths(&gone), [""; 0], "{what}"),
            [.., "remove.self"] => assert_eq!(paths(&gone), ["harden", "harden.toml"], "{what}"),
            _ => assert!(paths(&gone).len() > 290, "{what}"),
        }
        // Directories are there as parents only, with the times that they had.
        let binds: &[&str] = if builder == Builder::BuildKitBind { &["/run/harden"] } else { &[] };
        let stamped = Stamped::new(&["/harden", "/harden.toml"], binds);
        assert_eq!(stamped.needless(layer, &below), [""; 0], "{what}");
        assert_eq!(stamped.retimed(layer, &below), [""; 0], "{what}");
        let (old, new) = (&below.entries[path], &layer.entries[path]);
        let same = |entry: &Entry| (entry.mode, entry.uid, entry.gid, entry.size, entry.xattrs.clone());
        assert_eq!((same(old), old.mtime + 1), (same(new), new.mtime), "{what}");
        assert_ne!(old.sha256, new.sha256, "{what}");
    }
}

/// What a program of the self-test does, whatever it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// As busybox for a name that it does not know.
    NotFound,
    /// The same behind a byte of its own names, which the change takes away.
    OwnName,
    /// Nothing, and status 0.
    Fine,
}

/// A program with the tables of busybox, which does that. Its code lies on a page that holds nothing else.
fn program(answer: Answer) -> Vec<u8> {
    const CODE: usize = 0x400;
    const TEXT: usize = 0x480;
    let text = b"applet not found\n";
    let mut data = Binary { kind: Relocations::Fixed, ..Binary::default().with(200) }.build();
    // `wget`, of which the first byte or the last becomes `/`.
    let name = data.windows(6).position(|part| part == b"\0wget\0").unwrap();
    let mut code = Vec::new();
    let status = if matches!(answer, Answer::Fine) { 0 } else { 127 };
    if matches!(answer, Answer::OwnName) {
        put_write(&mut code, CODE, name + 1, 4);
    }
    if !matches!(answer, Answer::Fine) {
        put_write(&mut code, CODE, TEXT, text.len());
    }
    put_exit(&mut code, status);
    assert!(code.len() < TEXT - CODE);
    data[CODE..CODE + code.len()].copy_from_slice(&code);
    data[TEXT..TEXT + text.len()].copy_from_slice(text);
    let machine: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    data[18..20].copy_from_slice(&machine.to_le_bytes());
    data
}

/// write(2) to standard output: so many bytes of the file, by machine code that begins at `code` of it.
fn put_write(out: &mut Vec<u8>, code: usize, from: usize, length: usize) {
    let distance =
        |out: &Vec<u8>, more: usize| i32::try_from(from).unwrap() - i32::try_from(code + out.len() + more).unwrap();
    let length = u32::try_from(length).unwrap();
    if cfg!(target_arch = "aarch64") {
        let far = distance(out, 0) as u32;
        // adr x1, from; mov x0, 1; mov x2, length; mov x8, 64; svc 0
        let adr = 0x1000_0001 | (far & 3) << 29 | (far >> 2 & 0x7_ffff) << 5;
        for word in [adr, 0xd280_0020, 0xd280_0002 | length << 5, 0xd280_0808, 0xd400_0001] {
            out.extend(word.to_le_bytes());
        }
        return;
    }
    // lea rsi, [rip + from]; mov edi, 1; mov edx, length; mov eax, 1; syscall
    let far = distance(out, 7);
    out.extend([0x48, 0x8d, 0x35]);
    out.extend(far.to_le_bytes());
    out.extend([0xbf, 1, 0, 0, 0, 0xba]);
    out.extend(length.to_le_bytes());
    out.extend([0xb8, 1, 0, 0, 0, 0x0f, 0x05]);
}

fn put_exit(out: &mut Vec<u8>, status: u8) {
    if cfg!(target_arch = "aarch64") {
        // mov x0, status; mov x8, 93; svc 0
        for word in [0xd280_0000 | u32::from(status) << 5, 0xd280_0ba8, 0xd400_0001] {
            out.extend(word.to_le_bytes());
        }
        return;
    }
    // mov edi, status; mov eax, 60; syscall
    out.extend([0xbf, status, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]);
}

/// Alpine whose busybox is that program, with harden beside it.
fn alpine_with(data: &[u8]) -> Image {
    let dockerfile = format!("FROM {}\nCOPY harden busybox /bin/\n", ALPINE.tag);
    let context = Context::new().add(&binary(), "harden").file("Dockerfile", 0o644, &dockerfile);
    fs::write(context.path().join("busybox"), data).unwrap();
    fs::set_permissions(context.path().join("busybox"), fs::Permissions::from_mode(0o755)).unwrap();
    build(Builder::Classic, &context, &Options::default())
}

const APPLY: [&str; 9] = ["apply", "--user", "app:1000:1000", "--command", "none", "--keep", "sh", "--keep", "cat"];

/// Run `harden apply` as process 1 of a container of it: its status, what it said, and what the container's own layer
/// holds then.
fn apply_in_container(image: &Image) -> (i32, String, String) {
    let container = Container::of(docker_ok(&[&["create", &image.tag, "/bin/harden"], &APPLY[..]].concat()));
    let output = docker(&["start", "--attach", &container.id]);
    (output.status.code().unwrap(), both(&output), docker_ok(&["diff", &container.id]))
}

#[test]
fn a_changed_binary_is_tried_where_the_root_runs_and_one_that_fails_is_refused() {
    for (answer, why) in [(Answer::OwnName, "does not answer --help as before"), (Answer::Fine, "still runs")] {
        let image = alpine_with(&program(answer));
        let (status, said, diff) = apply_in_container(&image);
        assert_eq!(status, 2, "{answer:?}: {said}");
        for part in ["harden tried '/bin/busybox' without its other applets, and ", why, "nothing was changed"] {
            assert!(said.contains(part), "{answer:?}: no {part:?}: {said}");
        }
        assert_eq!(said.contains("as before"), answer == Answer::OwnName, "{said}");
        assert_eq!(said.contains("still runs"), answer == Answer::Fine, "{said}");
        assert_eq!(diff, "", "{answer:?}: the container's files differ");
        // Nothing of a tree from elsewhere is run: there the proof from the bytes decides alone.
        let tree = tempfile::tempdir().unwrap();
        image.unpack(tree.path());
        let root = ["--root", tree.path().to_str().unwrap()];
        let output = Command::new(binary()).args(APPLY).args(root).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{answer:?}: {}", both(&output));
    }
    // One that answers as it should is replaced.
    let (status, said, diff) = apply_in_container(&alpine_with(&program(Answer::NotFound)));
    assert_eq!(status, 0, "{said}");
    assert!(diff.lines().any(|line| line == "C /bin/busybox"), "{diff}");
}
