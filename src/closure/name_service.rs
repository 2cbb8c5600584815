//! Modules that the C library loads to look up users and hosts: those that nsswitch.conf(5) names.

use crate::tree::Tree;
use crate::tree::contents::Contents;

/// Largest nsswitch.conf read.
const LIMIT: u64 = 64 * 1024;
/// What glibc asks when no file says otherwise.
const USUAL: &[u8] = b"all: files dns";

/// File names of the modules, in the order they are named. Which of them exist is the loader's question: some are built
/// into the C library.
pub(super) fn modules(tree: &Tree, contents: &dyn Contents) -> Vec<Vec<u8>> {
    let file = tree.resolve(b"/etc/nsswitch.conf").ok().map(|found| found.node).filter(|&id| tree.is_file(id));
    let text = file.map_or_else(|| USUAL.to_vec(), |id| contents.read(tree, id, LIMIT).unwrap_or_default());
    let mut modules = Vec::new();
    for line in text.split(|&b| b == b'\n') {
        let line = line.split(|&b| b == b'#').next().unwrap_or_default();
        let Some(colon) = line.iter().position(|&b| b == b':') else { continue };
        let mut in_brackets = false;
        for word in line.get(colon + 1..).unwrap_or_default().split(u8::is_ascii_whitespace) {
            // `[NOTFOUND=return]` says what follows from an answer.
            in_brackets |= word.first() == Some(&b'[');
            let module = [b"libnss_", word, b".so.2"].concat();
            if !in_brackets && !word.is_empty() && !word.contains(&b'/') && !modules.contains(&module) {
                modules.push(module);
            }
            in_brackets &= word.last() != Some(&b']');
        }
    }
    modules
}

#[cfg(test)]
mod tests {
    use super::modules;
    use crate::tree::contents::memory::image;

    #[test]
    fn services_are_named_once_and_conditions_are_none() {
        let text = "# passwd: no\npasswd: files systemd\nhosts: files mdns4_minimal [ NOTFOUND=return ] dns [!UNAVAIL=return] my\n";
        let (tree, memory) = image(&[("/etc/nsswitch.conf", text)]);
        let names = ["files", "systemd", "mdns4_minimal", "dns", "my"].map(|n| format!("libnss_{n}.so.2").into_bytes());
        assert_eq!(modules(&tree, &memory), names);
        let (tree, memory) = image(&[]);
        assert_eq!(modules(&tree, &memory).len(), 2);
    }
}
