//! A Debian 12 image with everything that a hardening has to find: nginx, cron, sudo, a file capability, planted
//! accounts, modes, owners and links.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::Command;
use crate::docker::{Builder, Container, Context, Image, LOCKED_DOWN, Options, binary, both, build, work};
use crate::inspect::{self, Expected};
use crate::layer::Stamped;
use crate::matrix::{GROUPS, assert_none};
use crate::tree::Tree;

const BASE: &str = "harden-test/debian:12-nginx";

const CONFIG: &str = r#"[run]
user    = "app:1000:1000"
home    = "/srv/www"
command = ["nginx", "-e", "stderr", "-g", "daemon off;"]

[keep]
commands = ["ls", "awk"]

[files]
read-only = ["/srv/www"]

[packages]
database = "keep"
"#;

/// What somebody may have left in an image, done with the image's own tools before harden comes.
const PLANTED: &str = r#"set -e
printf 'rootkit:x:0:0::/root:/bin/bash\nroot2:x:1500:1500::/home/root2:/bin/sh\nappuser2:x:1501:1501::/:/bin/bash\n' >> /etc/passwd
printf 'root2:x:1500:\nappuser2:x:1501:root2,games,ghost\n' >> /etc/group
printf 'root2::19000:0:99999:7:::\nrootkit:$6$x$y:19000:0:99999:7:::\n' >> /etc/shadow
printf 'root2:!::\nappuser2:!::root2\n' >> /etc/gshadow
printf 'root2:100000:65536\n' >> /etc/subuid
printf 'root2:100000:65536\n' >> /etc/subgid
printf 'ubuntu:x:1000:1000::/home/ubuntu:/bin/bash\ncrlf:x:1600:1600::/:/bin/sh\r\n\n# a comment\n+::::::\n' >> /etc/passwd
printf 'ubuntu:x:1000:\nusers2:x:1700:root' >> /etc/group
printf 'ubuntu:!:19000:0:99999:7:::\n' >> /etc/shadow
mkdir -p /home/ubuntu; touch /home/ubuntu/file; chown -R 1000:1000 /home/ubuntu
mkdir -p /usr/local/share/odd; touch "/usr/local/share/odd/$(printf 'a\nb\033[31mred\377')"; chmod 666 /usr/local/share/odd/*
mkdir -p /opt/tools /srv/data /home/root2
cp /bin/ls /opt/tools/setuid; chmod 6755 /opt/tools/setuid
cp /bin/ls /usr/local/bin/left; chmod 777 /usr/local/bin/left
ln -s /usr/local/bin/left /usr/local/bin/left-link
ln -s /nowhere /opt/tools/was-broken-before
printf '#!/bin/sh\nid\n' > /usr/local/sbin/script; chmod 755 /usr/local/sbin/script
touch /srv/data/odd; chown 1500:1500 /srv/data/odd
mkdir /usr/local/share/open; chmod 777 /usr/local/share/open
chmod 755 /tmp; chmod 777 /var/tmp
mkfifo /var/lib/pipe
echo secret > /root/.bash_history
echo '* * * * * root id' > /etc/cron.d/planted
mkdir -p /etc/sysctl.d; echo 'kernel.panic = 1' > /etc/sysctl.d/planted.conf
touch /etc/passwd- /etc/shadow-
"#;

fn context(harden: bool) -> Context {
    let apply = if harden { "COPY harden harden.toml /\nRUN [\"/harden\", \"apply\"]\n" } else { "" };
    Context::example("nginx-debian")
        .file("planted.sh", 0o755, PLANTED)
        .add(&binary(), "harden")
        .file("harden.toml", 0o644, CONFIG)
        .file(
            "Dockerfile",
            0o644,
            &format!(
                "FROM {BASE}\nCOPY planted.sh /planted.sh\nRUN sh /planted.sh && rm /planted.sh\n\
                 COPY nginx.conf /etc/nginx/nginx.conf\nCOPY index.html /srv/www/index.html\n{apply}\
                 USER 1000:1000\nENTRYPOINT [\"nginx\", \"-e\", \"stderr\", \"-g\", \"daemon off;\"]\n"
            ),
        )
}

#[test]
fn debian_12_with_everything_to_find() {
    let before = build(Builder::BuildKit, &context(false), &Options::default()).export();
    // The inspection can see: the same image before is full of complaints of each sort.
    let expected = Expected {
        programs: &["usr/bin/awk", "usr/bin/ls", "usr/bin/mawk", "usr/sbin/nginx"],
        accounts: &["root", "app"],
        groups: GROUPS,
        kept: &[],
    };
    let blind: Vec<&str> = [
        "programs:",
        "set-id:",
        "capabilities:",
        "modes:",
        "accounts:",
        "shells:",
        "passwords:",
        "pwck",
        "grpck",
        "cron:",
        "init:",
        "tunables:",
        "root's home:",
        "package manager:",
    ]
    .into_iter()
    .filter(|sort| !inspect::complaints(&before, &before, &expected).iter().any(|line| line.starts_with(sort)))
    .collect();
    assert!(blind.is_empty(), "nothing to find of {blind:?}");

    let image = build(Builder::BuildKit, &context(true), &Options::default());
    let after = image.export();
    assert_none("the image after apply", &inspect::complaints(&before, &after, &expected));
    for kept in ["opt/tools/setuid", "srv/data/odd", "opt/tools/was-broken-before", "usr/share/nginx"] {
        assert_eq!(after.get(kept).is_some(), before.get(kept).is_some(), "/{kept}");
    }

    // The run user took over the number of an account that went, not its files.
    let file = after.get("home/ubuntu/file").expect("files of removed accounts stay");
    assert_eq!((file.uid, file.gid), (0, 0), "/home/ubuntu/file");
    kept_lines_keep_their_bytes(&before, &after);
    assert!(!image.log.contains("\u{1b}[31m"), "a file name reached the terminal unescaped");

    let options = [&LOCKED_DOWN[..], &["--tmpfs", "/tmp:mode=1777"]].concat();
    let container = Container::start(&image.tag, &options, &[]);
    assert!(container.get("/").contains("Hello from nginx"), "{}", container.logs());
    assert_eq!(container.ids(), (1000, 1000));

    a_second_run_writes_nothing(&image);
    from_outside_it_is_the_same(&after);
}

fn kept_lines_keep_their_bytes(before: &Tree, after: &Tree) {
    let line = |tree: &Tree, file: &str, name: &str| {
        let text = tree.text(file);
        text.lines().find(|line| line.split(':').next() == Some(name)).map(str::to_owned)
    };
    let root = line(before, "etc/passwd", "root").expect("root is in passwd");
    assert_eq!(line(after, "etc/passwd", "root").expect("root stays"), root.replace("/bin/bash", "/usr/sbin/nologin"));
    for (file, name) in [("etc/shadow", "root"), ("etc/group", "root"), ("etc/group", "shadow")] {
        assert_eq!(line(after, file, name), line(before, file, name), "'{name}' in /{file}");
    }
    for file in ["etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"] {
        let text = after.text(file);
        assert!(text.ends_with('\n') && !text.contains('\r') && !text.contains("\n\n"), "/{file}: {text:?}");
    }
}

/// The same image, unpacked and hardened with --root, ends as the same tree.
fn from_outside_it_is_the_same(hardened: &Tree) {
    let dir = tempfile::tempdir_in(work()).expect("a temporary directory");
    let config = dir.path().join("harden.toml");
    fs::write(&config, CONFIG).expect("a file");
    let root = dir.path().join("root");
    fs::create_dir(&root).expect("a directory");
    build(Builder::BuildKit, &context(false), &Options::default()).unpack(&root);
    let output = Command::new(binary())
        .args(["apply", "--root"])
        .arg(&root)
        .arg("--config")
        .arg(&config)
        .output()
        .expect("harden starts");
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    let packed = Command::new("tar")
        .args(["-c", "--format=pax", "--xattrs", "--numeric-owner", "-C"])
        .arg(&root)
        .arg(".")
        .output()
        .expect("tar starts");
    let stamped = Stamped::new(&["/harden", "/srv/www", "/etc/nginx/nginx.conf"], &[]);
    let [mut first, mut second] = [hardened, &Tree::from_tar(&packed.stdout[..])]
        .map(|tree| stamped.without_in_export(&tree.without_hardlinks()));
    for tree in [&mut first, &mut second] {
        // An export has no entry for the root itself.
        tree.entries.remove("");
        // Two builds, two times at which the files were planted.
        tree.entries.values_mut().for_each(|entry| entry.mtime = 0);
    }
    assert_none("in a build against from outside", &first.differences(&second));
}

fn a_second_run_writes_nothing(image: &Image) {
    let dir = tempfile::tempdir_in(work()).expect("a temporary directory");
    let config = dir.path().join("harden.toml");
    fs::write(&config, CONFIG).expect("a file");
    let overlay = Overlay::new(dir.path());
    image.unpack(&overlay.lower);
    overlay.mount();
    // A copy: with --root the running binary is none of the image's files, and stays.
    let harden = dir.path().join("harden");
    // By cp: a descriptor of ours that another test's child inherits would make the copy "text file busy".
    assert!(Command::new("cp").arg(binary()).arg(&harden).status().expect("cp starts").success());
    let output = Command::new(&harden)
        .args(["apply", "--root"])
        .arg(&overlay.merged)
        .arg("--config")
        .arg(&config)
        .output()
        .expect("harden starts");
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    assert!(harden.exists() && config.exists(), "files outside the root were removed");
    let written = Command::new("find").arg(&overlay.upper).arg("-mindepth").arg("1").output().expect("find starts");
    assert_eq!(both(&written), "", "the second run wrote");
}

/// An overlay mount below a directory: the upper directory holds exactly what a layer would.
struct Overlay {
    lower: PathBuf,
    upper: PathBuf,
    merged: PathBuf,
    work: PathBuf,
}

impl Overlay {
    fn new(dir: &Path) -> Overlay {
        let make = |name: &str| {
            let path = dir.join(name);
            fs::create_dir(&path).expect("a directory");
            path
        };
        Overlay { lower: make("lower"), upper: make("upper"), merged: make("merged"), work: make("work") }
    }

    fn mount(&self) {
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            self.lower.display(),
            self.upper.display(),
            self.work.display()
        );
        let status = Command::new("mount")
            .args(["-t", "overlay", "overlay", "-o", &options])
            .arg(&self.merged)
            .status()
            .expect("mount starts");
        assert!(status.success(), "cannot mount an overlay; the tests need root");
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.merged).stderr(std::process::Stdio::null()).status();
    }
}
