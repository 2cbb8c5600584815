//! Writes archives byte by byte, also such that no program writes, and reads them with the library.

use std::fs::File;
use std::io::{Seek, Write};

use harden::testing::archive::{self, Archive};
use harden::testing::tree::contents::Contents;

/// An archive being written.
#[derive(Clone, Default)]
pub(crate) struct Tar(pub(crate) Vec<u8>);

impl Tar {
    /// One entry 0644 root:root with content.
    pub(crate) fn entry(self, kind: u8, name: &[u8], link: &[u8], content: &[u8]) -> Self {
        let mut block = header(kind, name, link, content.len() as u64);
        seal(&mut block);
        self.raw(&block, content)
    }

    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        self.entry(b'0', name.as_bytes(), b"", content.as_bytes())
    }

    pub(crate) fn dir(self, name: &str) -> Self {
        self.entry(b'5', name.as_bytes(), b"", b"")
    }

    pub(crate) fn link(self, name: &str, target: &str) -> Self {
        self.entry(b'2', name.as_bytes(), target.as_bytes(), b"")
    }

    pub(crate) fn hard(self, name: &str, target: &str) -> Self {
        self.entry(b'1', name.as_bytes(), target.as_bytes(), b"")
    }

    /// Records of pax for the next entry.
    pub(crate) fn pax(self, records: &[(&str, &[u8])]) -> Self {
        self.entry(b'x', b"PaxHeaders/x", b"", &pax(records))
    }

    /// A header as it is, and its content filled up.
    pub(crate) fn raw(mut self, header: &[u8], content: &[u8]) -> Self {
        self.0.extend_from_slice(header);
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// The end of the archive.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

pub(crate) fn header(kind: u8, name: &[u8], link: &[u8], size: u64) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name);
    block[157..157 + link.len()].copy_from_slice(link);
    block[100..108].copy_from_slice(b"0000644\0");
    block[108..116].copy_from_slice(b"0000000\0");
    block[116..124].copy_from_slice(b"0000000\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[136..148].copy_from_slice(b"00000000001\0");
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    block
}

pub(crate) fn seal(block: &mut [u8]) {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

pub(crate) fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in records {
        let body = key.len() + value.len() + 3;
        let mut len = body + 1;
        while len != body + len.to_string().len() {
            len = body + len.to_string().len();
        }
        out.extend_from_slice(format!("{len} {key}=").as_bytes());
        out.extend_from_slice(value);
        out.push(b'\n');
    }
    out
}

/// Read an archive from a file that holds these bytes.
pub(crate) fn read(bytes: &[u8]) -> Result<Archive, String> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    read_file(file)
}

pub(crate) fn read_file(file: File) -> Result<Archive, String> {
    archive::read(file, vec![std::env::temp_dir()], None)
        .map_err(|error| format!("{}\n  help: {}", error.text, error.help))
}

/// The same through a pipe.
pub(crate) fn read_piped(bytes: &[u8]) -> Result<Archive, String> {
    let (from, mut to) = std::io::pipe().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A reader that refuses goes away.
            let _ = to.write_all(bytes);
        });
        read_file(File::from(std::os::fd::OwnedFd::from(from)))
    })
}

/// Every path but the root's, with the content of files and the targets of links.
pub(crate) fn listed(archive: &Archive) -> Vec<String> {
    let tree = &archive.tree;
    let mut lines: Vec<String> = tree
        .ids()
        .skip(1)
        .map(|id| {
            let path = String::from_utf8_lossy(&tree.path(id)).into_owned();
            if let Some(target) = tree.link_target(id) {
                format!("{path} -> {}", String::from_utf8_lossy(target))
            } else if tree.is_dir(id) {
                format!("{path}/")
            } else if tree.is_file(id) {
                format!("{path} {}", String::from_utf8_lossy(&archive.files.read(tree, id, 1 << 20).unwrap()))
            } else {
                format!("{path} {:?}", tree.kind(id))
            }
        })
        .collect();
    lines.sort();
    lines
}
