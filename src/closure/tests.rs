//! Closure and selection over trees in memory.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::removable::{Selection, removable};
use super::{Closure, Input};
use crate::diag::{Origin, Place};
use crate::facts::commands::Commands;
use crate::facts::elf::fixture::{library, program};
use crate::facts::packages::Packages;
use crate::policy::{CommandEntry, CommandLine, Entry, Pattern, Policy, Run};
use crate::tree::contents::memory::{Memory, image};
use crate::tree::set::IdSet;
use crate::tree::{Id, Tree};

mod runtime;

struct Image {
    tree: Tree,
    memory: Memory,
    packages: Packages,
    commands: Commands,
}

impl Image {
    /// `elf:NEEDED,NEEDED` is a program of `/lib/ld.so`, `lib:NEEDED` a library named as its file.
    fn new(entries: &[(&str, &str)]) -> Self {
        let (tree, mut memory) = image(entries);
        for (path, content) in entries {
            let needed = |list: &'static str| list.split(',').filter(|n| !n.is_empty()).collect::<Vec<_>>();
            let name = path.rsplit('/').next().unwrap();
            if let Some(list) = content.strip_prefix("elf:") {
                memory.put(path, &program("/lib/ld.so", &needed(Box::leak(list.to_owned().into_boxed_str()))));
            } else if let Some(list) = content.strip_prefix("lib:") {
                memory.put(path, &library(name, &needed(Box::leak(list.to_owned().into_boxed_str()))));
            }
        }
        let mut packages = Packages::collect(&tree, &memory);
        let commands = Commands::collect(&tree, &memory, &mut packages, &[], &[]);
        Self { tree, memory, packages, commands }
    }

    /// Other content for a file; what is known of it is known anew.
    fn replace(&mut self, path: &str, content: &[u8]) {
        self.memory.put(path, content);
        self.packages = Packages::collect(&self.tree, &self.memory);
        self.commands = Commands::collect(&self.tree, &self.memory, &mut self.packages, &[], &[]);
    }

    fn id(&self, path: &str) -> Id {
        self.tree.lookup(path.as_bytes()).unwrap()
    }

    fn closure(&self, policy: &Policy) -> Closure {
        Closure::compute(&Input {
            tree: &self.tree,
            contents: &self.memory,
            commands: &self.commands,
            packages: &self.packages,
            accounts: &std::collections::BTreeSet::from([b"nobody".to_vec()]),
            policy,
            nologin: Some(b"/usr/sbin/nologin"),
        })
    }

    fn kept(&self, policy: &Policy) -> Vec<String> {
        let closure = self.closure(policy);
        assert_eq!(closure.refusals, []);
        closure.reasons.keys().map(|&id| self.path(id)).collect()
    }

    fn path(&self, id: Id) -> String {
        String::from_utf8(self.tree.path(id)).unwrap()
    }

    fn paths<'a>(&self, ids: impl IntoIterator<Item = &'a Id>) -> Vec<String> {
        ids.into_iter().map(|&id| self.path(id)).collect()
    }

    fn refusals(&self, policy: &Policy) -> Vec<String> {
        self.closure(policy).refusals.into_iter().map(|m| format!("{} | {}", m.text, m.help)).collect()
    }
}

fn origin() -> Origin {
    Origin::File(Place::new("harden.toml", 7, 3))
}

fn command(text: &str) -> CommandEntry {
    let pattern = match text {
        _ if text.contains('*') => Pattern::Glob(crate::tree::glob::Glob::new(text).unwrap()),
        _ if text.starts_with('/') => Pattern::Path(text.into()),
        _ if text.starts_with("re:") => {
            Pattern::Regex(regex::bytes::Regex::new(&format!("^(?:{})$", &text[3..])).unwrap())
        }
        _ => Pattern::Name(text.into()),
    };
    CommandEntry { pattern, text: text.into(), reason: None, optional: false, setid: None, origin: origin() }
}

fn keep(names: &[&str]) -> Policy {
    let mut policy = Policy::default();
    policy.keep.commands = names.iter().map(|name| command(name)).collect();
    policy
}

fn run(words: &[&str], shell_form: bool) -> Policy {
    let words: Vec<String> = words.iter().map(|&w| w.to_owned()).collect();
    Policy {
        run: Run::Commands(vec![CommandLine { argv: words.clone(), words, shell_form, origin: origin() }]),
        ..Policy::default()
    }
}

fn kept_path(path: &str) -> Policy {
    let mut policy = Policy::default();
    policy.keep.paths =
        vec![Entry { value: path.into(), reason: None, optional: false, change: false, origin: origin() }];
    policy
}

#[test]
fn a_kept_link_keeps_every_link_of_its_chain_and_its_libraries() {
    let image = Image::new(&[
        ("/bin", "-> usr/bin"),
        ("/lib", "-> usr/lib"),
        ("/usr/bin/awk", "-> /etc/alternatives/awk"),
        ("/etc/alternatives/awk", "-> /bin/mawk"),
        ("/usr/bin/mawk", "elf:libm.so.6,libc.so.6"),
        ("/usr/bin/other", "elf:libz.so.1"),
        ("/usr/lib/ld.so", "lib:"),
        ("/usr/lib/libm.so.6", "lib:libc.so.6,ld.so"),
        ("/usr/lib/libc.so.6", "-> libc-2.so"),
        ("/usr/lib/libc-2.so", "lib:"),
        ("/usr/lib/libz.so.1", "lib:"),
    ]);
    let policy = keep(&["awk"]);
    let mut kept = image.kept(&policy);
    kept.sort();
    assert_eq!(
        kept,
        [
            "/bin",
            "/etc/alternatives/awk",
            "/lib",
            "/usr/bin",
            "/usr/bin/awk",
            "/usr/bin/mawk",
            "/usr/lib",
            "/usr/lib/ld.so",
            "/usr/lib/libc-2.so",
            "/usr/lib/libc.so.6",
            "/usr/lib/libm.so.6"
        ]
    );
    let closure = image.closure(&policy);
    let chain: Vec<_> = closure
        .chain(image.id("/usr/lib/libc-2.so"))
        .iter()
        .map(|(id, r)| (image.path(*id), r.why.to_string()))
        .collect();
    let expected = [
        ("/usr/lib/libc-2.so", "target of"),
        ("/usr/lib/libc.so.6", "library libc.so.6 of"),
        ("/usr/bin/mawk", "target of"),
        ("/etc/alternatives/awk", "target of"),
        ("/usr/bin/awk", "command in harden.toml:7:3"),
    ];
    assert_eq!(chain, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    assert_eq!(closure.warnings, []);
}

#[test]
fn scripts_keep_their_interpreters_and_what_env_finds() {
    let image = Image::new(&[
        ("/bin/sh", "-> dash"),
        ("/bin/dash", "elf:"),
        ("/lib/ld.so", "lib:"),
        ("/usr/bin/env", "elf:"),
        ("/usr/local/bin/node", "elf:"),
        ("/usr/local/bin/npm", "-> ../lib/npm.js"),
        ("/usr/local/lib/npm.js", "#!/usr/bin/env -S node --x\n"),
        ("/usr/bin/tool", "#!/usr/bin/wrapper\n"),
        ("/usr/bin/wrapper", "#! /bin/sh -e\n"),
        ("/usr/bin/service", "#!/usr/bin/with-contenv sh\n"),
        ("/usr/bin/with-contenv", "elf:"),
    ]);
    let closure = image.closure(&keep(&["service"]));
    assert!(closure.contains(image.id("/bin/sh")), "with-contenv runs it");
    let mut kept = image.kept(&keep(&["npm", "tool"]));
    kept.sort();
    assert_eq!(
        kept,
        [
            "/bin/dash",
            "/bin/sh",
            "/lib/ld.so",
            "/usr/bin/env",
            "/usr/bin/tool",
            "/usr/bin/wrapper",
            "/usr/local/bin/node",
            "/usr/local/bin/npm",
            "/usr/local/lib/npm.js"
        ]
    );
}

#[test]
fn entries_that_cannot_be_kept_are_refused_with_the_way_out() {
    let image = Image::new(&[
        ("/usr/bin/gone", "-> /etc/alternatives/gone"),
        ("/usr/bin/crlf", "#!/bin/sh\r\n"),
        ("/usr/bin/nointerp", "elf:"),
        ("/usr/bin/env", "#!/usr/bin/env\n"),
        ("/usr/bin/py", "#!/usr/bin/env python3\n"),
        ("/usr/bin/data", "-> ../share"),
        ("/usr/share/", ""),
        ("/bin/sh/", ""),
    ]);
    let says = |policy: Policy, parts: &[&str]| {
        let refusals = image.refusals(&policy);
        assert!(
            parts.iter().all(|part| refusals.iter().any(|r| r.contains(part))),
            "{refusals:?} lacks one of {parts:?}"
        );
    };
    says(
        keep(&["gone"]),
        &["'gone' cannot be kept: '/usr/bin/gone' is a link to '/etc/alternatives/gone', which cannot be resolved"],
    );
    says(keep(&["gome"]), &["'gome' matches nothing | did you mean 'gone'?"]);
    says(keep(&["/usr/bin/none"]), &["matches nothing"]);
    says(keep(&["re:gon"]), &["matches nothing"]);
    says(keep(&["data"]), &["leads to a directory", "keep.paths"]);
    says(keep(&["crlf"]), &["interpreter '/bin/sh\\r', which does not exist | its first line ends in CR LF"]);
    says(
        keep(&["nointerp"]),
        &["'/usr/bin/nointerp' (command in harden.toml:7:3) needs the interpreter '/lib/ld.so', which does not exist"],
    );
    says(keep(&["py"]), &["run by 'env python3'", "more than 5 in a row"]);
    says(kept_path("/none"), &["keep.paths entry '/none' matches nothing"]);
    says(run(&["gome"], false), &["starts 'gome', which is not in PATH (/usr/bin:/bin) | did you mean 'gone'?"]);
    says(run(&["/app/x"], false), &["'/app/x', which does not exist | copy it", "--command none"]);
    let mut optional = keep(&["gome", "gone"]);
    optional.keep.commands.iter_mut().for_each(|e| e.optional = true);
    assert_eq!(image.refusals(&optional), Vec::<String>::new());
    let mut profile = keep(&["gome"]);
    profile.keep.commands[0].origin = Origin::Profile("node".into());
    assert_eq!(image.refusals(&profile), Vec::<String>::new());
}

#[test]
fn every_word_that_is_a_program_is_kept() {
    let image = Image::new(&[
        ("/lib/ld.so", "lib:"),
        ("/usr/bin/tini", "elf:"),
        ("/usr/bin/node", "elf:"),
        ("/bin/sh", "elf:"),
        ("/app/start", "elf:"),
        ("/app/s.js", "text"),
    ]);
    let mut policy = run(&["tini", "--", "node", "./start", "nothing"], false);
    policy.workdir = Some("/app".into());
    assert_eq!(image.kept(&policy), ["/app/start", "/lib/ld.so", "/usr/bin/node", "/usr/bin/tini"]);
    let mut shell = image.kept(&run(&["cd", "node"], true));
    shell.sort();
    assert_eq!(shell, ["/bin/sh", "/lib/ld.so", "/usr/bin/node"]);
    assert_eq!(image.closure(&run(&["cd", "nod"], true)).warnings.len(), 1);
}

#[test]
fn globs_and_expressions_match_whole_names_and_paths() {
    let image = Image::new(&[
        ("/lib/ld.so", "lib:"),
        ("/usr/bin/python3", "-> python3.11"),
        ("/usr/bin/python3.11", "elf:"),
        ("/usr/bin/python3-config", "-> gone"),
        ("/usr/bin/ipython3", "elf:"),
        ("/usr/bin/pg_dump", "elf:"),
        ("/usr/bin/pg_dumpall", "elf:"),
        ("/opt/a/java", "elf:"),
    ]);
    assert_eq!(image.kept(&keep(&["python3*"])), ["/lib/ld.so", "/usr/bin/python3", "/usr/bin/python3.11"]);
    assert_eq!(image.kept(&keep(&["re:pg_(dump|restore)"])), ["/lib/ld.so", "/usr/bin/pg_dump"]);
    assert_eq!(image.kept(&keep(&["/opt/*/java"])), ["/lib/ld.so", "/opt/a/java"]);
}

#[test]
fn a_kept_path_brings_what_its_programs_need_and_only_warns() {
    let image = Image::new(&[
        ("/lib/ld.so", "lib:"),
        ("/usr/bin/ruby", "elf:libgone.so"),
        ("/opt/x/run", "#!/usr/bin/ruby\n"),
        ("/opt/x/broken", "#!/usr/bin/perl\n"),
        ("/opt/x/bin/tool", "-> /usr/bin/tool"),
        ("/usr/bin/tool", "elf:"),
        ("/usr/bin/other", "elf:"),
    ]);
    let policy = kept_path("/opt/x");
    let mut kept = image.kept(&policy);
    kept.sort();
    assert_eq!(
        kept,
        ["/lib/ld.so", "/opt/x", "/opt/x/bin/tool", "/opt/x/broken", "/opt/x/run", "/usr/bin/ruby", "/usr/bin/tool"]
    );
    let warnings: Vec<_> = image.closure(&policy).warnings.into_iter().map(|m| m.text).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("'/usr/bin/perl', which did not exist before this run either"));
    assert!(warnings[1].contains("needs the library 'libgone.so', which was missing before this run"));
}

#[test]
fn busybox_as_an_entry_means_every_applet_and_sshd_keeps_nologin() {
    let image = Image::new(&[
        ("/lib/ld.so", "lib:"),
        ("/bin/busybox", "elf:"),
        ("/bin/ls", "-> busybox"),
        ("/sbin/ip", "-> /bin/busybox"),
        ("/usr/sbin/sshd", "elf:"),
        ("/usr/sbin/nologin", "elf:"),
        ("/usr/sbin/other", "elf:"),
    ]);
    assert_eq!(image.kept(&keep(&["busybox"])), ["/bin/busybox", "/bin/ls", "/lib/ld.so", "/sbin/ip"]);
    assert_eq!(image.closure(&keep(&["busybox"])).warnings.len(), 1);
    assert_eq!(image.kept(&keep(&["ls"])), ["/bin/busybox", "/bin/ls", "/lib/ld.so"]);
    assert_eq!(image.kept(&keep(&["sshd"])), ["/lib/ld.so", "/usr/sbin/nologin", "/usr/sbin/sshd"]);
}

fn debian() -> Image {
    Image::new(&[
        ("/bin", "-> usr/bin"),
        ("/lib", "-> usr/lib"),
        ("/usr/lib/ld.so", "lib:"),
        ("/usr/bin/ls", "elf:"),
        ("/usr/bin/X11", "-> ."),
        ("/usr/bin/before", "-> none"),
        ("/usr/bin/data", "text"),
        ("/usr/bin/su", "elf:"),
        ("/usr/bin/java", "-> /etc/alternatives/java"),
        ("/etc/alternatives/java", "-> /usr/lib/jvm/java"),
        ("/usr/lib/jvm/java", "elf:"),
        ("/usr/lib/jvm/helper", "#!/bin/ls\n"),
        ("/usr/lib/unowned/helper", "elf:"),
        ("/usr/libexec/only", "elf:"),
        ("/usr/lib/su/helper", "elf:"),
        ("/usr/lib/su/plugin.so", "lib:"),
        ("/usr/lib/su/module.py", "#!/usr/bin/env ls\n"),
        ("/usr/lib/su/dead.py", "#!/usr/bin/su\n"),
        ("/usr/share/doc/su/copyright", "x"),
        ("/usr/share/doc/su/changelog.gz", "x"),
        ("/usr/share/doc/su-common", "-> su"),
        ("/usr/share/man/man1/su.1.gz", "x"),
        ("/usr/share/locale/de/LC_MESSAGES/su.mo", "x"),
        ("/usr/share/bash-completion/completions/su", "x"),
        ("/usr/share/su/data", "x"),
        ("/etc/su.conf", "x"),
        ("/etc/login-release", "x"),
        ("/etc/shells", "x"),
        ("/usr/bin/openssl", "elf:"),
        ("/usr/lib/libssl.so.3", "lib:"),
        ("/etc/openssl.d/openssl.cnf", "x"),
        ("/etc/ssl/openssl.cnf", "x"),
        ("/usr/share/man/man1/openssl.1.gz", "x"),
        ("/usr/share/man/man1/ls.1.gz", "x"),
        ("/var/lib/dpkg/status", "Package: openssl\nSource: openssl\n\nPackage: libssl3\nSource: openssl (3)\n"),
        (
            "/var/lib/dpkg/info/su.list",
            "/usr\n/bin/su\n/usr/lib/su\n/usr/lib/su/helper\n/usr/lib/su/plugin.so\n/usr/lib/su/module.py\n/usr/lib/su/dead.py\n/usr/share/doc/su\n/usr/share/doc/su/copyright\n/usr/share/doc/su/changelog.gz\n/usr/share/doc/su-common\n/usr/share/man/man1\n/usr/share/man/man1/su.1.gz\n/usr/share/locale/de/LC_MESSAGES/su.mo\n/usr/share/bash-completion/completions/su\n/usr/share/su/data\n/etc/su.conf\n/etc/login-release\n/etc/shells\n",
        ),
        (
            "/var/lib/dpkg/info/coreutils.list",
            "/bin/ls\n/usr/bin/data\n/usr/share/man/man1\n/usr/share/man/man1/ls.1.gz\n",
        ),
        ("/var/lib/dpkg/info/jre.list", "/usr/lib/jvm/java\n/usr/lib/jvm/helper\n"),
        ("/var/lib/dpkg/info/only.list", "/usr/libexec/only\n"),
        (
            "/var/lib/dpkg/info/openssl.list",
            "/usr/bin/openssl\n/etc/openssl.d/openssl.cnf\n/etc/ssl/openssl.cnf\n/usr/share/man/man1/openssl.1.gz\n",
        ),
        ("/var/lib/dpkg/info/libssl3.list", "/usr/lib/libssl.so.3\n"),
    ])
}

#[test]
fn everything_not_needed_goes_and_nothing_else() {
    let image = debian();
    let closure = image.closure(&keep(&["ls"]));
    let found = removable(&Selection {
        tree: &image.tree,
        commands: &image.commands,
        packages: &image.packages,
        closure: &closure,
        untouched: &[],
        removed: &IdSet::default(),
    });
    let ids = |list: &[(Id, String)]| list.iter().map(|&(id, _)| image.path(id)).collect::<Vec<_>>();
    assert_eq!(ids(&found.commands), ["/usr/bin/java", "/usr/bin/openssl", "/usr/bin/su"]);
    assert_eq!(
        ids(&found.helpers),
        ["/usr/lib/jvm/helper", "/usr/lib/jvm/java", "/usr/lib/su/dead.py", "/usr/lib/su/helper", "/usr/libexec/only"]
    );
    let lost = |name: &str| found.packages.iter().find(|p| p.name == name).unwrap();
    assert_eq!(found.packages.len(), 3);
    let su = lost("su");
    assert_eq!(image.paths(&su.documentation), ["/usr/share/doc/su/changelog.gz", "/usr/share/man/man1/su.1.gz"]);
    assert_eq!(image.paths(&su.completions), ["/usr/share/bash-completion/completions/su"]);
    assert_eq!(image.paths(&su.locales), ["/usr/share/locale/de/LC_MESSAGES/su.mo"]);
    // A library of the same package stays, and so does its configuration.
    assert_eq!(image.paths(&su.configuration), Vec::<String>::new());
    assert_eq!(image.paths(&su.directories), ["/usr/share/doc/su"]);
    let openssl = lost("openssl");
    assert_eq!(image.paths(&openssl.configuration), Vec::<String>::new());
    assert_eq!(image.paths(&openssl.documentation), ["/usr/share/man/man1/openssl.1.gz"]);
}

#[test]
fn configuration_goes_with_the_last_program_of_its_source_but_never_what_all_share() {
    let image = Image::new(&[
        ("/lib/ld.so", "lib:"),
        ("/sbin/su", "elf:"),
        ("/etc/su/a.conf", "x"),
        ("/etc/securetty", "x"),
        ("/etc/passwd", "x"),
        ("/etc/x-release", "x"),
        ("/etc/ssl/a.cnf", "x"),
        (
            "/lib/apk/db/installed",
            "P:su\no:su\nF:sbin\nR:su\nF:etc\nR:securetty\nR:passwd\nR:x-release\nF:etc/su\nR:a.conf\nF:etc/ssl\nR:a.cnf\n",
        ),
    ]);
    let select = |untouched: &[Id]| {
        let closure = Closure::default();
        let found = removable(&Selection {
            tree: &image.tree,
            commands: &image.commands,
            packages: &image.packages,
            closure: &closure,
            untouched,
            removed: &IdSet::default(),
        });
        (
            found.commands.len(),
            found.packages.iter().flat_map(|p| image.paths(&p.configuration)).collect::<Vec<_>>(),
            found.packages.iter().flat_map(|p| image.paths(&p.directories)).collect::<Vec<_>>(),
        )
    };
    let text = |list: &[&str]| list.iter().map(|&s| s.to_owned()).collect::<Vec<_>>();
    assert_eq!(select(&[]), (1, text(&["/etc/securetty", "/etc/su/a.conf"]), text(&["/etc/su"])));
    assert_eq!(select(&[image.id("/etc/su")]), (1, text(&["/etc/securetty"]), text(&[])));
    // A kept path that holds the command keeps the package.
    assert_eq!(select(&[image.id("/sbin")]), (0, text(&[]), text(&[])));
}

#[test]
fn a_second_run_knows_which_packages_had_commands() {
    let image = Image::new(&[
        ("/usr/bin/", ""),
        ("/usr/share/man/man1/su.1.gz", "x"),
        ("/var/lib/dpkg/info/su.list", "/usr/bin/su\n/usr/share/man/man1/su.1.gz\n"),
    ]);
    let closure = Closure::default();
    let found = removable(&Selection {
        tree: &image.tree,
        commands: &image.commands,
        packages: &image.packages,
        closure: &closure,
        untouched: &[],
        removed: &IdSet::default(),
    });
    assert_eq!(image.paths(&found.packages[0].documentation), ["/usr/share/man/man1/su.1.gz"]);
}

#[test]
fn helpers_of_what_kept_packages_are_built_with_or_depend_on_stay_while_they_can_run() {
    let image = Image::new(&[
        ("/lib/ld.so", "lib:"),
        ("/usr/bin/gcc", "-> gcc-12"),
        ("/usr/bin/gcc-12", "elf:"),
        ("/usr/bin/cpp-12", "elf:"),
        ("/usr/lib/gcc/cc1", "elf:"),
        ("/usr/bin/gcc-nm", "elf:"),
        ("/usr/lib/gcc/plugin", "elf:"),
        ("/usr/bin/ldd", "elf:"),
        ("/usr/libexec/as", "elf:"),
        ("/usr/libexec/pl", "#!/usr/bin/perl\n"),
        ("/etc/ld/ldd.conf", "x"),
        ("/usr/bin/perl", "elf:"),
        ("/usr/bin/hint", "elf:"),
        ("/usr/libexec/hint", "elf:"),
        ("/usr/bin/ask", "elf:"),
        ("/usr/libexec/ask", "elf:"),
        (
            "/var/lib/dpkg/status",
            "Package: gcc\nSource: gcc-defaults\nDepends: gcc-12 (>= 12), debconf\n\nPackage: gcc-12\nSource: gcc-12\nDepends: cpp-12, binutils | ld\nRecommends: hint\n\n\
             Package: cpp-12\nSource: gcc-12\n\nPackage: gcc-plugin\nSource: gcc-12\n\nPackage: lld\nProvides: ld\n\nPackage: hint\n\nPackage: debconf\n",
        ),
        ("/var/lib/dpkg/info/gcc.list", "/usr/bin/gcc\n"),
        ("/var/lib/dpkg/info/gcc-12.list", "/usr/bin/gcc-12\n"),
        ("/var/lib/dpkg/info/cpp-12.list", "/usr/bin/cpp-12\n/usr/lib/gcc/cc1\n"),
        ("/var/lib/dpkg/info/gcc-plugin.list", "/usr/bin/gcc-nm\n/usr/lib/gcc/plugin\n"),
        ("/var/lib/dpkg/info/lld.list", "/usr/bin/ldd\n/usr/libexec/as\n/usr/libexec/pl\n/etc/ld\n/etc/ld/ldd.conf\n"),
        ("/var/lib/dpkg/info/hint.list", "/usr/bin/hint\n/usr/libexec/hint\n"),
        ("/var/lib/dpkg/info/debconf.list", "/usr/bin/ask\n/usr/libexec/ask\n"),
    ]);
    let select = |names: &[&str]| {
        let closure = image.closure(&keep(names));
        let found = removable(&Selection {
            tree: &image.tree,
            commands: &image.commands,
            packages: &image.packages,
            closure: &closure,
            untouched: &[],
            removed: &IdSet::default(),
        });
        let helpers: Vec<String> = found.helpers.iter().map(|&(id, _)| image.path(id)).collect();
        let configuration: Vec<String> = found.packages.iter().flat_map(|p| image.paths(&p.configuration)).collect();
        (helpers, configuration)
    };
    // A script whose interpreter goes cannot run, what is only recommended is not needed, and debconf serves installation.
    let (helpers, configuration) = select(&["gcc"]);
    assert_eq!(helpers, ["/usr/libexec/ask", "/usr/libexec/hint", "/usr/libexec/pl"]);
    assert_eq!(configuration, [""; 0]);
    assert_eq!(select(&["gcc", "perl"]).0, ["/usr/libexec/ask", "/usr/libexec/hint"]);
    let (helpers, configuration) = select(&["hint"]);
    assert_eq!(
        helpers,
        ["/usr/lib/gcc/cc1", "/usr/lib/gcc/plugin", "/usr/libexec/as", "/usr/libexec/ask", "/usr/libexec/pl"]
    );
    assert_eq!(configuration, ["/etc/ld/ldd.conf"]);
}

/// Programs, libraries and scripts: which libraries each of the first two needs, and whose interpreter a program is.
#[derive(Debug, Clone)]
struct Graph {
    programs: Vec<Vec<usize>>,
    libraries: Vec<Vec<usize>>,
    scripts: Vec<usize>,
    /// Kept commands by number, programs before scripts: required, and optional.
    kept: (Vec<usize>, Vec<usize>),
    /// Kept paths: libraries, which are looked at after everything else.
    paths: Vec<usize>,
}

impl Graph {
    fn image(&self) -> Image {
        let names = |prefix: &str, list: &[usize]| -> String {
            let names: Vec<String> = list.iter().map(|at| format!("lib{at}.so")).collect();
            format!("{prefix}:{}", names.join(","))
        };
        let mut entries = vec![("/lib/ld.so".to_owned(), "lib:".to_owned())];
        for (at, needs) in self.programs.iter().enumerate() {
            entries.push((format!("/bin/c{at}"), names("elf", needs)));
        }
        for (at, program) in self.scripts.iter().enumerate() {
            entries.push((format!("/bin/c{}", self.programs.len() + at), format!("#!/bin/c{program}\n")));
        }
        for (at, needs) in self.libraries.iter().enumerate() {
            // Every other library is a link to its file, as most are.
            let file = if at % 2 == 0 { "so" } else { "so.1" };
            entries.push((format!("/lib/lib{at}.{file}"), names("lib", needs)));
            if at % 2 == 1 {
                entries.push((format!("/lib/lib{at}.so"), format!("-> lib{at}.so.1")));
            }
        }
        let entries: Vec<(&str, &str)> =
            entries.into_iter().map(|(path, content)| (&*path.leak(), &*content.leak())).collect();
        Image::new(&entries)
    }

    fn policy(&self) -> Policy {
        let mut policy = keep(&[]);
        let entries = |list: &[usize], optional: bool| -> Vec<CommandEntry> {
            list.iter().map(|at| CommandEntry { optional, ..command(&format!("c{at}")) }).collect()
        };
        policy.keep.commands = entries(&self.kept.0, false);
        policy.keep.commands.extend(entries(&self.kept.1, true));
        let path = |at: &usize| kept_path(&format!("/lib/lib{at}.so")).keep.paths;
        policy.keep.paths = self.paths.iter().flat_map(path).collect();
        policy
    }

    /// How far each entry is from the policy, by its own search over the graph.
    fn distances(&self) -> BTreeMap<String, usize> {
        let library = |at: &usize| format!("/lib/lib{at}.so");
        let mut found = BTreeMap::new();
        let seeds = self.kept.0.iter().chain(&self.kept.1).map(|at| format!("/bin/c{at}"));
        let mut level: Vec<String> = seeds.chain(self.paths.iter().map(library)).collect();
        let mut depth = 0;
        while !level.is_empty() {
            let mut next = Vec::new();
            for path in level {
                if found.contains_key(&path) {
                    continue;
                }
                if let Some(at) = path.strip_prefix("/bin/c").map(|at| at.parse::<usize>().unwrap()) {
                    match self.programs.get(at) {
                        Some(needs) => {
                            next.push("/lib/ld.so".to_owned());
                            next.extend(needs.iter().map(library));
                        }
                        None => next.push(format!("/bin/c{}", self.scripts[at - self.programs.len()])),
                    }
                } else if let Some((at, file)) = path.strip_prefix("/lib/lib").and_then(|at| at.split_once('.')) {
                    let at: usize = at.parse().unwrap();
                    if at % 2 == 1 && file == "so" {
                        next.push(format!("{path}.1"));
                    } else {
                        next.extend(self.libraries[at].iter().map(library));
                    }
                }
                found.insert(path, depth);
            }
            level = next;
            depth += 1;
        }
        found
    }
}

fn graph() -> impl Strategy<Value = Graph> {
    const PROGRAMS: usize = 4;
    const LIBRARIES: usize = 7;
    let needs = |count: usize| prop::collection::vec(prop::collection::vec(0..LIBRARIES, 0..4), count);
    let scripts = prop::collection::vec(0..PROGRAMS, 3);
    let kept = || prop::collection::vec(0..PROGRAMS + 3, 0..4);
    let paths = prop::collection::vec(0..LIBRARIES, 0..3);
    (needs(PROGRAMS), needs(LIBRARIES), scripts, (kept(), kept()), paths)
        .prop_map(|(programs, libraries, scripts, kept, paths)| Graph { programs, libraries, scripts, kept, paths })
}

proptest! {
    #[test]
    fn no_chain_is_longer_than_it_has_to_be(graph in graph()) {
        let image = graph.image();
        let closure = image.closure(&graph.policy());
        let chains: BTreeMap<String, usize> =
            closure.reasons.keys().map(|&id| (image.path(id), closure.chain(id).len() - 1)).collect();
        prop_assert_eq!(chains, graph.distances());
    }
}

#[test]
fn a_shorter_way_found_late_shortens_what_lies_behind_it() {
    // c0 needs lib0, which needs lib2, and so on; the kept path of lib2 is looked at last.
    let graph = Graph {
        programs: vec![vec![0]],
        libraries: vec![vec![2], vec![], vec![4], vec![], vec![6], vec![], vec![]],
        scripts: vec![],
        kept: (vec![0], vec![]),
        paths: vec![2],
    };
    let image = graph.image();
    let closure = image.closure(&graph.policy());
    let texts = |path: &str| closure.explain(&image.tree, image.id(path));
    assert_eq!(
        texts("/lib/lib6.so"),
        ["library lib6.so of /lib/lib4.so", "library lib4.so of /lib/lib2.so", "path in harden.toml:7:3"]
    );
    let needs: Vec<_> = closure.needs.iter().filter(|(id, _)| *id == image.id("/lib/lib2.so")).collect();
    assert_eq!(needs.len(), 2, "the program's need of it is known too: {needs:?}");
}
