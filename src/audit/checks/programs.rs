//! Checks of programs: their class, their package, and the places of their libraries.

use crate::audit::{Cx, Findings};
use crate::diag::escape::escaped;
use crate::facts::elf::Type;
use crate::facts::notable::{COMPILERS, GTFOBINS, SHELLS, is_listed};
use crate::facts::program::{FileBytes, Program};
use crate::tree::Id;
use crate::tree::set::IdSet;

/// Classes of programs, blanks between the names. A program of a class is not told again as one of GTFOBins.
const CLASSES: [(&str, &str); 4] = [
    (
        "programs.privilege",
        "su sudo sudoedit doas pkexec newgrp sg runuser setpriv chroot nsenter unshare capsh gosu su-exec",
    ),
    ("programs.shell", SHELLS),
    (
        "programs.network",
        "curl wget nc ncat netcat nc.openbsd nc.traditional socat ssh scp sftp ftp lftp tftp telnet rsync rsh rlogin aria2c \
         tcpdump nmap dig host nslookup openssl",
    ),
    ("programs.compiler", COMPILERS),
];

/// Packages for remote logins and of protocols without encryption, as distributions name them. A server that the image
/// may be made for (ftp, dns, mail) is not here.
const PACKAGES: &str = "openssh-server openssh dropbear dropbear-bin tinysshd telnet telnetd inetutils-telnet inetutils-telnetd \
    telnet-server telnetd-ssl telnet-ssl busybox-extras rsh-client rsh-server rsh-redone-client rsh-redone-server rsh nis ypserv \
    ypbind ypbind-mt yp-tools tftp tftp-hpa tftpd tftpd-hpa tftp-server atftp atftpd talk talkd talk-server ntalk inetutils-talk \
    inetutils-talkd ftp tnftp inetutils-ftp xinetd openbsd-inetd inetutils-inetd rlinetd x11vnc tigervnc-server xrdp \
    xserver-xorg-core";

pub(super) fn named(cx: &Cx<'_>, findings: &mut Findings) {
    let check = findings.check().id;
    let class = CLASSES.iter().find(|(id, _)| *id == check).map(|(_, names)| *names);
    for &id in cx.facts.commands.entries.keys() {
        let name = cx.tree.name(id);
        let fits = match class {
            Some(class) => is_listed(class.split_ascii_whitespace(), name),
            None => {
                let other = CLASSES.iter().any(|(_, names)| is_listed(names.split_ascii_whitespace(), name));
                !other && is_listed(GTFOBINS.lines(), name)
            }
        };
        // A package manager is told by its own check.
        if fits && !findings.has(&["programs.package-manager"], &cx.tree.path(id)) {
            findings.at(cx.tree, id, b"", "can be run");
        }
    }
}

/// Whether the image has a shell of its own.
pub(super) fn has_shell(cx: &Cx<'_>) -> bool {
    let shells = CLASSES.iter().find(|(id, _)| *id == "programs.shell").map_or("", |(_, names)| *names);
    let mut names = cx.facts.commands.entries.keys().map(|&id| cx.tree.name(id));
    names.any(|name| shells.split_ascii_whitespace().any(|shell| shell.as_bytes() == name))
}

pub(super) fn packages(cx: &Cx<'_>, findings: &mut Findings) {
    let packages = &cx.facts.packages;
    for (index, package) in packages.iter() {
        if !PACKAGES.split_ascii_whitespace().any(|name| name == package.name) {
            continue;
        }
        let files: Vec<Id> = packages.files(index).filter(|&id| !cx.tree.is_dir(id)).collect();
        let command = files.iter().find(|id| cx.facts.commands.entries.contains_key(id));
        let first = command.or_else(|| files.first()).copied();
        // A package whose files are gone is another check's.
        let Some(first) = first else { continue };
        let text = format!("the package '{}' is installed", escaped(package.name.as_bytes()));
        findings.at(cx.tree, first, package.name.as_bytes(), text);
    }
}

pub(super) fn library_path(cx: &Cx<'_>, findings: &mut Findings) {
    let mut seen = IdSet::default();
    for command in cx.facts.commands.entries.values() {
        let id = command.target;
        let Some(Program::Elf(elf)) = cx.facts.commands.known(id) else { continue };
        if !elf.has_search_path() || !seen.insert(id) {
            continue;
        }
        let Ok(names) = elf.names(&FileBytes { contents: cx.contents, tree: cx.tree, id }) else { continue };
        let paths = names.runpath.iter().chain(&names.rpath).flat_map(|paths| paths.split(|&b| b == b':'));
        for path in paths.filter(|path| is_open(cx, path)) {
            findings.at(cx.tree, id, path, format!("looks for libraries in '{}'", escaped(path)));
        }
    }
}

pub(super) fn linking(cx: &Cx<'_>, findings: &mut Findings) {
    let mut seen = IdSet::default();
    for command in cx.facts.commands.entries.values() {
        let id = command.target;
        let Some(Program::Elf(elf)) = cx.facts.commands.known(id) else { continue };
        if !seen.insert(id) {
            continue;
        }
        // Without a loader nothing is filled in; a static program says nowhere whether its maker could have moved it.
        let dynamic = elf.interpreter.is_some();
        let lacks = [
            (elf.executable_stack, "with an executable stack"),
            (dynamic && elf.kind == Type::Fixed, "at a fixed address, without PIE"),
            (dynamic && !elf.relro, "without RELRO"),
        ];
        let lacks: Vec<&str> = lacks.iter().filter(|(lack, _)| *lack).map(|(_, text)| *text).collect();
        if !lacks.is_empty() {
            findings.at(cx.tree, id, b"", format!("is linked {}", lacks.join(", ")));
        }
    }
}

/// Whether another account than root may write a directory of a search path.
fn is_open(cx: &Cx<'_>, path: &[u8]) -> bool {
    let fixed = [&b"/"[..], b"$ORIGIN", b"${ORIGIN}"].iter().any(|start| path.starts_with(start));
    !fixed || path.starts_with(b"/tmp") || path.starts_with(b"/var/tmp") || writable(cx, path)
}

fn writable(cx: &Cx<'_>, path: &[u8]) -> bool {
    let Ok(found) = cx.tree.resolve(path) else { return false };
    path.starts_with(b"/") && cx.tree.permissions(found.node) & 0o002 != 0
}
