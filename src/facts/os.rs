//! The distribution of the root, from os-release(5).
//!
//! Only the fields of the file: nothing is concluded from other files, and a missing file leaves every field empty.

use crate::tree::{Id, Tree};

/// The fields of os-release that rules need; empty when not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Os {
    /// `ID`: `debian`, `alpine`, `rhel`.
    pub id: String,
    /// `ID_LIKE`: the distributions it descends from, closest first.
    pub id_like: Vec<String>,
    /// `VERSION_ID`: `12`, `3.20.3`.
    pub version_id: String,
    /// `PRETTY_NAME`, which is how distroless images differ from the Debian they are made of.
    pub pretty_name: String,
}

impl Os {
    /// Read /etc/os-release, else /usr/lib/os-release, links followed inside the root.
    pub fn collect(tree: &Tree, read: impl FnMut(Id) -> Option<Vec<u8>>) -> Self {
        ["/etc/os-release", "/usr/lib/os-release"]
            .iter()
            .filter_map(|path| tree.resolve(path.as_bytes()).ok())
            .map(|found| found.node)
            .filter(|&node| tree.is_file(node) && !tree.meta(node).mount)
            .find_map(read)
            .map(|content| Self::parse(&content))
            .unwrap_or_default()
    }

    /// Parse the content of an os-release file. Later assignments win, as in a shell.
    #[must_use]
    pub fn parse(content: &[u8]) -> Self {
        let mut os = Self::default();
        for line in String::from_utf8_lossy(content).lines() {
            let line = line.trim();
            let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { continue };
            let value = unquote(value);
            match key {
                "ID" => os.id = value,
                "ID_LIKE" => os.id_like = value.split_ascii_whitespace().map(str::to_owned).collect(),
                "VERSION_ID" => os.version_id = value,
                "PRETTY_NAME" => os.pretty_name = value,
                _ => {}
            }
        }
        os
    }

    /// Whether this is one of these distributions, or descends from one.
    #[must_use]
    pub fn is_like(&self, ids: &[&str]) -> bool {
        std::iter::once(&self.id).chain(&self.id_like).any(|id| ids.contains(&id.as_str()))
    }
}

/// The value of a shell assignment without expansions (os-release(5)): quotes and backslashes.
fn unquote(text: &str) -> String {
    let mut value = String::new();
    let mut quote = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => value.extend(rest.next()),
            (c, None) if c.is_whitespace() => break,
            (c, _) => value.push(c),
        }
    }
    value
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Os;
    use crate::tree::fixture;

    #[test]
    fn reads_plain_and_quoted_values() {
        let os = Os::parse(
            b"# comment\nPRETTY_NAME=\"A \\\"B\\\" 'C'\"\nID='rhel'\r\nID_LIKE=\"rhel centos  fedora\"\nVERSION_ID=\"9.4\"\nID_X=no\n",
        );
        assert_eq!(os.id, "rhel");
        assert_eq!(os.id_like, ["rhel", "centos", "fedora"]);
        assert_eq!(os.version_id, "9.4");
        assert_eq!(os.pretty_name, "A \"B\" 'C'");
        assert!(os.is_like(&["fedora"]));
        assert!(!os.is_like(&["debian"]));
        assert_eq!(Os::parse(b"\xff\0=\n=\nID=\"open"), Os { id: "open".into(), ..Os::default() });
    }

    #[test]
    fn follows_the_link_and_falls_back_to_usr_lib() {
        let debian = |_| Some(b"ID=debian\n".to_vec());
        let linked = fixture::tree(&[("/etc/os-release", "-> ../usr/lib/os-release"), ("/usr/lib/os-release", "")]);
        assert_eq!(Os::collect(&linked, debian).id, "debian");
        let usr = fixture::tree(&[("/usr/lib/os-release", "")]);
        assert_eq!(Os::collect(&usr, debian).id, "debian");
        assert_eq!(Os::collect(&fixture::tree(&[("/etc/os-release", "-> gone")]), debian), Os::default());
    }
}
