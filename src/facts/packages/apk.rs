//! apk's database: one text file of blank-line separated blocks (apk-package(5), `lib/apk/db/installed`).

use std::collections::BTreeSet;

use super::purpose::{bare, world};
use super::{Manager, Reader, lossy};
use crate::tree::Id;

/// Read the database in the classic place and in that of a merged /usr.
pub(super) fn read(reader: &mut Reader<'_>) {
    let mut seen = Vec::new();
    for path in [&b"/lib/apk/db/installed"[..], b"/usr/lib/apk/db/installed"] {
        if let Some(id) = reader.file(path)
            && !seen.contains(&id)
        {
            seen.push(id);
            let content = reader.read(id);
            let world = world(reader);
            read_blocks(reader, id, &content, &world);
        }
    }
}

fn read_blocks(reader: &mut Reader<'_>, file: Id, content: &[u8], world: &BTreeSet<String>) {
    let (mut name, mut version, mut source) = (String::new(), String::new(), String::new());
    let (mut depends, mut provides, mut architecture) = (String::new(), String::new(), String::new());
    let mut paths: Vec<(Vec<u8>, bool)> = Vec::new();
    let mut directory: &[u8] = b"";
    // A blank line at the end closes a block that the file does not.
    for line in content.split(|&b| b == b'\n').chain([&b""[..]]) {
        let value = line.get(2..).unwrap_or_default();
        match line.get(..2) {
            Some(b"P:") => name = lossy(value),
            Some(b"V:") => version = lossy(value),
            Some(b"o:") => source = lossy(value),
            Some(b"A:") => architecture = lossy(value),
            Some(b"D:") => depends = lossy(value),
            Some(b"p:") => provides = lossy(value),
            Some(b"F:") => {
                directory = value;
                paths.push((value.to_vec(), false));
            }
            Some(b"R:") if directory.is_empty() => paths.push((value.to_vec(), true)),
            Some(b"R:") => paths.push(([directory, b"/", value].concat(), true)),
            None if line.is_empty() => {
                if !name.is_empty() {
                    let asked =
                        world.contains(&name) || provides.split_whitespace().any(|word| world.contains(bare(word)));
                    let package = reader.add(
                        std::mem::take(&mut name),
                        std::mem::take(&mut source),
                        std::mem::take(&mut version),
                        Manager::Apk,
                    );
                    reader.describe(package, file, std::mem::take(&mut architecture), false);
                    if asked {
                        reader.on_purpose(package);
                    }
                    reader.needs.words(package, depends.split_whitespace(), provides.split_whitespace());
                    for (path, file) in &paths {
                        if *file {
                            reader.own_file(package, path);
                        } else {
                            reader.own(package, path);
                        }
                    }
                }
                depends.clear();
                provides.clear();
                paths.clear();
                directory = b"";
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Packages;
    use crate::tree::contents::memory::image;

    #[test]
    fn blocks_name_origin_and_files() {
        let installed = "C:Q1x=\nP:busybox\nV:1.36.1-r29\no:busybox\nF:bin\nR:busybox\na:0:0:755\nF:etc\nR:securetty\n\nP:ssl_client\nV:1\no:busybox\nF:usr/bin\nR:ssl_client\n\nP:libcrypto3\no:openssl\nF:\nR:top\nF:lib\nR:libcrypto.so.3";
        for db in ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"] {
            let (tree, memory) = image(&[
                ("/bin/busybox", ""),
                ("/etc/securetty", ""),
                ("/lib/libcrypto.so.3", ""),
                ("/top", ""),
                (db, installed),
            ]);
            let packages = Packages::collect(&tree, &memory);
            let owner = |path: &str| packages.owner(tree.lookup(path.as_bytes()).unwrap()).map(|p| p.source.as_str());
            assert_eq!(owner("/bin/busybox"), Some("busybox"));
            assert_eq!(owner("/bin"), Some("busybox"));
            assert_eq!(owner("/lib/libcrypto.so.3"), Some("openssl"));
            assert_eq!(owner("/top"), Some("openssl"));
            let had: Vec<_> = packages.iter().map(|(_, p)| (&p.name[..], p.had_commands)).collect();
            assert_eq!(had, [("busybox", false), ("ssl_client", true), ("libcrypto3", false)]);
        }
    }
}
