//! pacman's local database: a directory for each package with `desc` and `files`.

use super::{Manager, Reader, lossy};

/// Read `/var/lib/pacman/local`.
pub(super) fn read(reader: &mut Reader<'_>) {
    let Ok(local) = reader.tree.resolve(b"/var/lib/pacman/local").map(|found| found.node) else { return };
    for directory in reader.tree.children(local) {
        let file = |reader: &mut Reader<'_>, name: &[u8]| {
            let id = reader.tree.child(directory, name).filter(|&id| reader.tree.is_file(id))?;
            Some(reader.read(id))
        };
        let Some(desc) = file(reader, b"desc") else { continue };
        let field = |wanted: &str| section(&desc, wanted).next().map(lossy).unwrap_or_default();
        let name = field("%NAME%");
        if name.is_empty() {
            continue;
        }
        let package = reader.add(name, field("%BASE%"), field("%VERSION%"), Manager::Pacman);
        // A package that was asked for has no such field, or a zero there.
        if matches!(&*field("%REASON%"), "" | "0") {
            reader.on_purpose(package);
        }
        let list = |wanted: &'static str| section(&desc, wanted).map(lossy).collect::<Vec<_>>();
        let (depends, provides) = (list("%DEPENDS%"), list("%PROVIDES%"));
        reader.needs.words(package, depends.iter().map(String::as_str), provides.iter().map(String::as_str));
        let files = file(reader, b"files").unwrap_or_default();
        for path in section(&files, "%FILES%") {
            reader.own(package, path);
        }
    }
}

/// The lines between a heading and the next blank line.
fn section<'a>(text: &'a [u8], heading: &'a str) -> impl Iterator<Item = &'a [u8]> {
    text.split(|&b| b == b'\n')
        .skip_while(move |&line| line != heading.as_bytes())
        .skip(1)
        .take_while(|line| !line.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Packages;
    use crate::tree::contents::memory::image;

    #[test]
    fn directories_of_desc_and_files() {
        let (tree, memory) = image(&[
            ("/usr/bin/openssl", ""),
            ("/var/lib/pacman/local/openssl-3-1/desc", "%NAME%\nopenssl\n\n%VERSION%\n3-1\n\n%BASE%\nopenssl-base\n\n"),
            (
                "/var/lib/pacman/local/openssl-3-1/files",
                "%FILES%\nusr/\nusr/bin/\nusr/bin/openssl\n\n%BACKUP%\netc/ssl/openssl.cnf\tabc\n",
            ),
            ("/var/lib/pacman/local/ALPM_DB_VERSION", "9"),
        ]);
        let packages = Packages::collect(&tree, &memory);
        let owner = packages.owner(tree.lookup(b"/usr/bin/openssl").unwrap()).unwrap();
        assert_eq!((&owner.name[..], &owner.source[..], &owner.version[..]), ("openssl", "openssl-base", "3-1"));
        assert!(packages.owner(tree.lookup(b"/usr").unwrap()).is_some());
        assert_eq!(packages.iter().count(), 1);
    }
}
