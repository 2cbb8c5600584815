//! Nothing without end: kilobytes that ask for hours or gigabytes end within 5 s of processor time and 256 MiB (DESIGN §9),
//! with a result, or with a refusal that names the file. Needs the binary that is shipped.

use std::fs::{self, File};
use std::io::Write as _;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::archive::images::{gzip, saved};
use crate::archive::writer::{Tar, header, seal};
use crate::common::generated::shipped;
use crate::common::{Command, LOADER, Rootfs, Spec};

/// Seconds of processor time, and KiB of memory.
const SECONDS: f64 = 5.0;
const MEMORY: f64 = 256.0 * 1024.0;

/// Run it; the budgets hold, and it ends with one of the statuses. Returns what it said.
fn within(words: &[&str], statuses: &[i32]) -> String {
    let report = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("/usr/bin/time");
    command.args(["-q", "-f", "%U %S %M", "-o", report.path().to_str().unwrap()]).arg(shipped()).args(words);
    let output = command.output().unwrap_or_else(|error| panic!("cannot start {command}: {error}; run: make setup"));
    let said: String = String::from_utf8_lossy(&output.stderr).chars().take(30_000).collect();
    let used = fs::read_to_string(report.path()).unwrap();
    let used: Vec<f64> = used.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let [user, system, memory] = used[..] else { panic!("{used:?}") };
    assert!(user + system <= SECONDS, "{user} s and {system} s of processor time: {words:?}: {said}");
    assert!(memory <= MEMORY, "{memory} KiB: {words:?}: {said}");
    assert!(statuses.contains(&output.status.code().unwrap()), "{words:?}: {:?}: {said}", output.status);
    said
}

fn plan(tree: &Rootfs, more: &[&str], statuses: &[i32]) -> String {
    let root = tree.path().to_str().unwrap();
    let words = ["plan", "--root", root, "--user", "app:1000:1000", "--command", "/app/server", "--keep", "sh"];
    within(&[&words[..], more].concat(), statuses)
}

fn audit(bytes: &[u8], statuses: &[i32]) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    within(&["audit", "-q", "--tar", file.path().to_str().unwrap()], statuses)
}

/// A refusal that names the file, and nothing that was concluded.
fn refused(said: &str, id: &str, names: &str) {
    assert!(said.contains(&format!("[{id}]")) && said.contains(names), "{id} {names}: {said}");
}

fn debian() -> Rootfs {
    Rootfs::debian_like().script("/usr/bin/sh", "#!/app/server\n")
}

#[test]
fn scripts_that_source_each_other() {
    let mut tree = debian();
    let sources: String = (0..300).map(|n| format!(". /s.d/{n}.sh\n")).collect();
    for n in 0..300 {
        tree = tree.script(format!("/s.d/{n}.sh"), &format!("#!/bin/sh\n{sources}"));
    }
    let tree = tree.script("/entry.sh", "#!/bin/sh\nfor f in /s.d/*.sh; do . $f; done\nrun-parts /s.d\n");
    refused(&plan(&tree, &["--command", "/entry.sh"], &[2]), "input.budget", "'/s.d/");
}

/// A megabyte of each of these, again and again or numbered, in every language that is read.
#[test]
fn one_script_of_a_megabyte() {
    const PIECES: [(&str, &str, &str); 54] = [
        ("python3", "import subprocess\n", "subprocess.run("),
        ("python3", "import subprocess\nx = \"", "\\\""),
        ("python3", "import subprocess\nsubprocess.run(x, \"", "\\\""),
        ("python3", "import subprocess, sh\n", "sh.x\n"),
        ("python3", "import subprocess\nsubprocess.run(w)\n", "w in "),
        ("python3", "import subprocess\n", "subprocess.run(['a#'])\n"),
        ("python3", "import subprocess\n", "subprocess.run(v#)\n"),
        ("python3", "import subprocess\n", "def f(a): subprocess.run(b)\n"),
        ("python3", "import subprocess\n", "def f#(a): subprocess.run(a)\nf#('tac')\n"),
        ("python3", "import subprocess\n", "v# = v1#\n"),
        ("python3", "", "import m#\n"),
        ("node", "const c = require('child_process');\n", ")=>"),
        ("node", "const c = require('child_process');\n", "c.exec(x)=>"),
        ("node", "const c = require('child_process');\n", "const f=(a)=>c.spawn(a);f('tac');\n"),
        ("node", "", "require('./x');"),
        ("node", "const c = require('child_process');\n`", "\\`"),
        ("perl", "", "sub f { my ($a)=@_; system($a); }\n"),
        ("perl", "", "system(shift);"),
        ("perl", "", "qx("),
        ("ruby", "", "def f(*a) = system(*a)\n"),
        ("ruby", "", "require 'x';"),
        ("ruby", "", "%x["),
        ("php", "<?php ", "function f($a) { exec($a); }\n"),
        ("lua", "", "local function f(c) return io.popen(c) end\n"),
        ("tclsh", "", "proc f# {args} { exec {*}$args }\nf# tac\n"),
        ("fish", "", "function f#\n$argv\nend\nf# tac\n"),
        ("escript", "", "os:cmd(X),"),
        ("escript", "", "os:cmd(\"x\"),"),
        ("guile", "", "(system* "),
        ("groovy", "", "['x'].execute("),
        ("R", "", "system(x)\n"),
        ("awk", "", "\"x\" | getline;"),
        ("python3", "import subprocess\nc = []\n", "c.append('x')\n"),
        ("python3", "import subprocess\n", "c# = []\nc# += ['x']\nsubprocess.run(c#)\n"),
        ("python3", "import subprocess\n", "f = lambda a: subprocess.run(a)\nf('x')\n"),
        ("python3", "from x import (\n", "a#,\n"),
        ("python3", "import subprocess\n", "r = functools.partial(subprocess.run, 'x')\n"),
        ("node", "const c = require('child_process');\nconst a = [];\n", "a.push('x');c.spawn(a[0]);\n"),
        ("node", "const c = require('child_process');\n", "const p# = util.promisify(c.exec);p#('x');\n"),
        ("node", "const c = require('child_process');\n", "class A { constructor(a) { c.exec(a); } }\nnew A('x');\n"),
        ("ruby", "c = []\n", "c << 'x'\nsystem(*c)\n"),
        ("ruby", "", "=begin\n"),
        ("ruby", "", "IO.popen(['a', 'b']) { |i| i.read }\n"),
        ("perl", "", "=pod\n\n"),
        ("perl", "", "my @c# = ('x'); push @c#, 'y'; system(@c#);\n"),
        ("perl", "", "open(my $f, '-|', $c);\n"),
        ("sh", "A=$A:/app/1\n", "java -cp \"$A\" M\n"),
        ("sh", "", "A=$A:/app/#\njava -cp \"$A\" M\n"),
        ("sh", "", "export CLASSPATH=$CLASSPATH:/app/#\n"),
        ("sh", "", "set -- \"$@\" -cp /app\njava \"$@\" M\n"),
        ("sh", "", "python3 /none/#\n"),
        ("sh", "", "cd /none\nnode n#\n"),
        ("sh", "", "java -jar /none/#\n"),
        ("sh", "", "/none/1 && python3 \"$0\"\n"),
    ];
    let text = |begin: &str, piece: &str| {
        let mut text = begin.to_owned();
        for n in 0.. {
            if text.len() > 1_000_000 {
                return text;
            }
            text.push_str(&piece.replace('#', &n.to_string()));
        }
        text
    };
    let mut tree = debian();
    tree = tree.script("/usr/bin/java", "#!/app/server\n");
    for (n, (interpreter, begin, piece)) in PIECES.iter().enumerate() {
        tree = tree.script(format!("/usr/bin/{interpreter}"), "#!/app/server\n");
        tree = tree.script(format!("/app/{n}"), &format!("#!/usr/bin/{interpreter}\n{}", text(begin, piece)));
    }
    for n in 0..PIECES.len() {
        plan(&tree, &["--command", &format!("/app/{n}")], &[0, 2]);
    }
}

#[test]
fn patterns_over_many_names() {
    let mut tree = debian();
    for n in 0..3000 {
        tree = tree.text(format!("/m/{n}"), "");
    }
    let patterns: String = (0..20_000).map(|n| format!(". /m/*{n}x\n")).collect();
    let tree = tree.script("/entry.sh", &format!("#!/bin/sh\n{patterns}"));
    refused(&plan(&tree, &["--command", "/entry.sh"], &[2]), "input.budget", "'/entry.sh'");
}

#[test]
fn search_paths_of_libraries() {
    let directories: Vec<String> = (0..8_000).map(|n| format!("/l/{n:x}")).collect();
    let directories = directories.join(":");
    let names: Vec<String> = (0..1000).map(|n| format!("lib{n}.so")).collect();
    let needed: Vec<&str> = names.iter().map(String::as_str).collect();
    let program = |runpath| {
        Spec { interpreter: Some(LOADER), needed: needed.clone(), runpath: Some(runpath), pie: true, ..Spec::default() }
            .build()
    };
    let mut tree = debian().text(LOADER, "").file("/app/long", 0o755, 0, 0, program(&directories));
    // 38 links on the way to each directory.
    for n in 0..38 {
        tree = tree.link(format!("/k{n}"), if n < 37 { format!("/k{}", n + 1) } else { "/app".to_owned() });
    }
    let links = vec!["/k0"; 14_000].join(":");
    let tree = tree.file("/app/links", 0o755, 0, 0, program(&links));
    refused(&plan(&tree, &["--command", "/app/long"], &[2]), "input.budget", "'/app/long'");
    plan(&tree, &["--command", "/app/links"], &[0, 2]);
}

#[test]
fn records_of_packages() {
    let depends: Vec<String> = (0..60_000).map(|n| format!("p{n}")).collect();
    let status = format!("Package: x\nStatus: install ok installed\nDepends: {}\n\n", depends.join(", "));
    let mut tree = debian().text("/var/lib/dpkg/status", status);
    for n in 0..1500 {
        tree = tree.text(format!("/var/lib/dpkg/info/x:a{n}.list"), "/usr/bin/wget\n");
    }
    refused(&plan(&tree, &[], &[2]), "input.budget", "'/var/lib/dpkg/info/x:a");

    // What many need and many offer.
    let mut status = String::new();
    let mut tree = debian();
    for n in 0..4000 {
        status += &format!("Package: q{n}\nStatus: install ok installed\nDepends: v\nProvides: v\n\n");
        tree = tree.text(format!("/var/lib/dpkg/info/q{n}.list"), "/.\n");
    }
    let tree = tree.text("/var/lib/dpkg/status", status);
    refused(&plan(&tree, &[], &[2]), "input.budget", "'/var/lib/dpkg/info/q");

    // One list by many names.
    let list: String = (0..40_000).map(|n| format!("/usr/share/{n}\n")).collect();
    let mut tree = debian().text("/var/lib/dpkg/info/a.list", list);
    for n in 0..2000 {
        tree = tree.hardlink(&format!("/var/lib/dpkg/info/b{n}.list"), "/var/lib/dpkg/info/a.list");
    }
    refused(&plan(&tree, &[], &[2]), "input.budget", "'/var/lib/dpkg/info/b");
}

#[test]
fn deep_paths_in_a_report() {
    let mut tree = debian();
    let deep = format!("/usr/lib/{}", "abcdefghi/".repeat(380));
    for n in 0..5000 {
        tree = tree.file(format!("{deep}f{n}"), 0o666, 0, 0, "");
    }
    let root = tree.path().to_str().unwrap().to_owned();
    let words = ["plan", "--root", &root, "--user", "app:1000:1000", "--command", "/app/server", "--format", "json"];
    within(&words, &[0, 2]);
    within(&["audit", "--root", &root], &[0, 1, 2]);
}

#[test]
fn the_path_of_a_configuration() {
    let path: Vec<String> = (0..120_000).map(|n| format!("/{n:x}")).collect();
    let config =
        json!({"config": {"User": "1000", "Cmd": ["/app/server"], "Env": [format!("PATH={}", path.join(":"))]}});
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(config.to_string().as_bytes()).unwrap();
    let said = plan(&debian(), &["--image-config", file.path().to_str().unwrap()], &[2]);
    refused(&said, "input.budget", "PATH");
}

/// A megabyte of a policy, on one line: names, patterns, expressions, the same name and broken ones, in every list alone and
/// in two that are compared with each other.
#[test]
fn one_line_of_a_policy() {
    let lists = [
        "keep.commands",
        "keep.users",
        "keep.groups",
        "keep.paths",
        "keep.setid",
        "keep.shells",
        "remove.commands",
        "remove.directories",
        "files.read-only",
        "files.writable",
        "minimal.packages",
        "minimal.drop",
        "run.volumes",
        "programs.files",
    ];
    let mut tree = debian();
    for n in 0..1000 {
        tree = tree.text(format!("/usr/bin/n{n}x"), "").dir(format!("/srv/n{n}"), 0o755, 0, 0);
    }
    let spelled: [fn(usize) -> String; 8] = [
        |n| format!("'n{n}'"),
        |n| format!("'/srv/n{n}'"),
        |n| format!("'n*{n}?*x'"),
        |n| format!("'/srv/*{n}/*x'"),
        |n| format!("'re:n.*{n}.*y'"),
        |n| format!("{{name='n{n}',optional=true}}"),
        |_| "'n'".to_owned(),
        |_| "0".to_owned(),
    ];
    let of = |key: &str, write: fn(usize) -> String, bytes: usize| {
        let mut line = format!("{key} = [");
        for n in 0.. {
            line += &write(n);
            line.push(',');
            if line.len() >= bytes || n >= 200_000 {
                break;
            }
        }
        line + "]\n"
    };
    let run = |text: &str| {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        plan(&tree, &["--config", file.path().to_str().unwrap()], &[0, 2])
    };
    for key in lists {
        for write in spelled {
            run(&of(key, write, 1 << 20));
            // As many as a policy may have.
            let few: Vec<String> = (0..19_000).map(write).collect();
            run(&format!("{key} = [{}]\n", few.join(",")));
        }
    }
    for (one, other) in [
        ("keep.commands", "remove.commands"),
        ("keep.paths", "files.writable"),
        ("files.read-only", "files.writable"),
        ("keep.paths", "remove.directories"),
        ("keep.users", "keep.shells"),
    ] {
        for write in [spelled[1], spelled[2], spelled[4]] {
            let half: Vec<String> = (0..9_500).map(write).collect();
            let rest: Vec<String> = (9_500..19_000).map(|n| format!("'/srv/n{n}'")).collect();
            run(&format!("{one} = [{}]\n{other} = [{}]\n", half.join(","), rest.join(",")));
        }
    }
    // Tables of keys that there are not.
    for section in ["rules", "keep", "audit", "check", "a"] {
        let keys: String = (0..80_000).map(|n| format!("a{n}='off'\n")).collect();
        run(&format!("[{section}]\n{keys}"));
    }
    let names: Vec<String> = (0..60_000).map(|n| format!("\"n{n}\"")).collect();
    refused(&run(&format!("[keep]\ncommands = [{}]\n", names.join(", "))), "input.budget", ".toml:2:");
}

#[test]
fn maps_of_sparse_files() {
    let runs = 200_000;
    let map = [format!("{runs}\n").into_bytes(), b"0\n0\n".repeat(runs)].concat();
    let map = {
        let mut map = map;
        map.resize(map.len().next_multiple_of(512), 0);
        map
    };
    let records: [(&str, &[u8]); 4] = [
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"etc/f"),
        ("GNU.sparse.realsize", b"0"),
    ];
    let mut tar = Tar::default().dir("etc");
    for _ in 0..60 {
        tar = tar.pax(&records).entry(b'0', b"etc/GNUSparseFile.0/f", b"", &map);
    }
    refused(&audit(&gzip(&tar.end()), &[2]), "input.budget", "sparse files");
}

/// An OCI layout of blobs, the last of which `index.json` names so many times.
fn layout(blobs: &[(String, String)], index: &str) -> Vec<u8> {
    let mut tar = Tar::default().file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    for (name, content) in blobs {
        tar = tar.entry(b'0', name.as_bytes(), b"", content.as_bytes());
    }
    tar.file("index.json", index).end()
}

fn digest(content: &str) -> String {
    Sha256::digest(content.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn indexes_in_indexes() {
    let config = json!({"config": {}, "rootfs": {"diff_ids": []}}).to_string();
    let mut blobs = vec![(format!("blobs/sha256/{}", digest(&config)), config.clone())];
    let manifest = json!({"config": {"digest": format!("sha256:{}", digest(&config)), "size": config.len(),
        "mediaType": "application/vnd.oci.image.config.v1+json"}, "layers": []});
    let mut last = manifest.to_string();
    for _ in 0..8 {
        blobs.push((format!("blobs/sha256/{}", digest(&last)), last.clone()));
        let entry = json!({"digest": format!("sha256:{}", digest(&last)), "size": last.len()});
        last = json!({"manifests": vec![entry; 12]}).to_string();
    }
    audit(&layout(&blobs, &last), &[0, 1, 2]);

    // An index that names itself: no digest is that of its own name.
    let name = "a".repeat(64);
    let own = json!({"manifests": vec![json!({"digest": format!("sha256:{name}")}); 40]}).to_string();
    audit(&layout(&[(format!("blobs/sha256/{name}"), own.clone())], &own), &[2]);
}

#[test]
fn a_layer_that_is_named_ten_thousand_times() {
    let mut layer = Tar::default();
    for n in 0..2000 {
        layer = layer.file(&format!("f{n}"), "");
    }
    let layer = gzip(&layer.end());
    let names = vec!["0/layer.tar"; 10_000];
    let ids = vec!["sha256:0"; 10_000];
    let config =
        json!({"architecture": "amd64", "config": {"User": "app"}, "rootfs": {"type": "layers", "diff_ids": ids}});
    let manifest = json!([{"Config": "config.json", "RepoTags": ["app:1"], "Layers": names}]).to_string();
    let tar = Tar::default().entry(b'0', b"0/layer.tar", b"", &layer);
    let tar = tar.file("config.json", &config.to_string()).file("manifest.json", &manifest);
    refused(&audit(&tar.end(), &[2]), "input.budget", "10000 layers");
}

#[test]
fn opaque_marks_in_each_other() {
    let mut layer = Tar::default();
    let path = |depth: usize| "a/".repeat(depth);
    let long = |tar: Tar, name: &str| {
        let tar = if name.len() > 99 { tar.pax(&[("path", name.as_bytes())]) } else { tar };
        tar.file(if name.len() > 99 { "x" } else { name }, "")
    };
    for n in 0..20_000 {
        layer = long(layer, &format!("{}f{n}", path(60)));
    }
    for depth in (1..60).rev().chain(1..60) {
        layer = long(layer, &format!("{}.wh..wh..opq", path(depth)));
    }
    let config = json!({"config": {"User": "app"}, "rootfs": {"diff_ids": ["a"]}}).to_string();
    // Engines read marks behind entries in two ways: refused, and soon.
    refused(&audit(&saved(&[layer.end()], &config), &[2]), "archive.ambiguous", "");
}

#[test]
fn entries_that_lie_deep() {
    let deep = "a/".repeat(2000);
    let mut tar = Tar::default().dir("etc");
    for n in 0..2000 {
        tar = tar.pax(&[("path", format!("{deep}{n}").as_bytes())]).file("x", "");
    }
    refused(&audit(&gzip(&tar.end()), &[2]), "archive.entry", "lies so deep");
}

#[test]
fn a_bomb_of_gzip() {
    let zeros = vec![0_u8; 300 << 20];
    let mut block = header(b'0', b"etc/zeros", b"", zeros.len() as u64);
    seal(&mut block);
    let whole = Tar::default().dir("etc").raw(&block, &zeros).end();
    drop(zeros);
    let packed = gzip(&whole);
    let said = audit(&packed, &[2]);
    refused(&said, "input.budget", "more than 200 for each of them");
    assert!(said.contains("--max-size"), "{said}");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &packed).unwrap();
    let path = file.path().to_str().unwrap();
    within(&["audit", "-q", "--tar", path, "--max-size", "1G"], &[0, 1]);
    let said = within(&["audit", "-q", "--tar", path, "--max-size", "200M"], &[2]);
    refused(&said, "input.budget", "unpacks to more than 209715200 bytes (--max-size)");
    // What is as large and does not shrink is no bomb, nor what is small.
    let small = Tar::default().dir("etc").file("etc/zeros", &"\0".repeat(1 << 20)).end();
    audit(&gzip(&small), &[0, 1]);
}

#[test]
fn as_many_entries_as_a_small_archive_may_hold() {
    let mut tar = Tar::default().dir("usr");
    for n in 0..230_000 {
        tar = tar.file(&format!("usr/{n}"), "");
    }
    audit(&gzip(&tar.end()), &[0, 1]);
}

#[test]
fn holes_without_end() {
    let tree = debian();
    let mut program = Spec { interpreter: Some(LOADER), pie: true, imports: vec!["execv"], ..Spec::default() }.build();
    program.resize(1 << 16, 0);
    let mut tree = tree.text(LOADER, "");
    let mut keep = Vec::new();
    for n in 0..200 {
        let path = format!("/app/hole{n}");
        tree = tree.file(&path, 0o755, 0, 0, &program);
        File::options().write(true).open(tree.at(&path)).unwrap().set_len(1 << 40).unwrap();
        keep.extend(["--keep".to_owned(), path]);
    }
    let keep: Vec<&str> = keep.iter().map(String::as_str).collect();
    plan(&tree, &keep, &[0, 2]);
}

/// The budgets are far from what images need: a Debian with all that it has kept is within them.
#[test]
fn a_whole_distribution_is_within_the_budgets() {
    let mut tree = debian();
    for n in 0..150 {
        tree = tree.script(
            format!("/usr/bin/tool{n}"),
            &format!("#!/bin/sh\n. /usr/lib/functions.sh\n{}", "echo x\n".repeat(500)),
        );
    }
    let functions: String = (0..500).map(|n| format!("f{n}() {{ echo {n}; }}\n")).collect();
    let tree = tree.text("/usr/lib/functions.sh", functions);
    let said = plan(&tree, &["--keep", "tool*"], &[0]);
    assert!(!said.contains("input.budget"), "{said}");
}
