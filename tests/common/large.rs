//! An image that is larger than what the headers of ustar have a place for, with next to no bytes on disk.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use serde_json::json;

/// Bytes of its one large file: a hole, and `end`.
pub(crate) const LARGE: u64 = 9 << 30;

/// Write it as `docker save` does; the size of the file in its layer as GNU tar has it, or as a record of pax.
pub(crate) fn large_image(at: &Path, pax: bool) {
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"User": "app"},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:0"]}});
    let manifest = json!([{"Config": "config.json", "RepoTags": ["app:1"], "Layers": ["layer.tar"]}]);
    let accounts = "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n";
    let small = [header(b'5', "etc", 0), entry(b'0', "etc/passwd", accounts), entry(b'0', "etc/passwd-", "")].concat();
    let layer = if pax {
        let size = format!("19 size={LARGE}\n");
        assert_eq!(size.len(), 19);
        [small, entry(b'x', "pax", &size), header(b'0', "large", 0)].concat()
    } else {
        [small, header(b'0', "large", LARGE)].concat()
    };
    let documents = [("config.json", config.to_string()), ("manifest.json", manifest.to_string())];
    let documents = documents.map(|(name, text)| entry(b'0', name, &text)).concat();
    let outer = header(b'0', "layer.tar", layer.len() as u64 + LARGE + 1024);
    let head = [documents, outer, layer].concat();
    let file = File::create(at).unwrap();
    file.write_all_at(&head, 0).unwrap();
    // The end of the file; of the layer, and of the archive.
    file.write_all_at(b"end", head.len() as u64 + LARGE - 3).unwrap();
    file.set_len(head.len() as u64 + LARGE + 2048).unwrap();
}

fn entry(kind: u8, name: &str, content: &str) -> Vec<u8> {
    let mut entry = [&header(kind, name, content.len() as u64), content.as_bytes()].concat();
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

fn header(kind: u8, name: &str, size: u64) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(if kind == b'5' { b"0000755\0" } else { b"0000644\0" });
    if size < 8 << 30 {
        block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    } else {
        block[124] = 0x80;
        block[128..136].copy_from_slice(&size.to_be_bytes());
    }
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}
