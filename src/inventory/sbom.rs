//! The bill of materials of the hardened root: CycloneDX 1.5 (ECMA-424), JSON.
//!
//! The distribution, every package that still has a file or never had one, and every program that stays and that no
//! package owns. There is no clock in it, and its serial number is made from its content: the same tree gives the same
//! document. This module decides the components and their names, and leaves writing to the report.

use anyhow::{Result, anyhow};
use std::collections::BTreeSet;

use serde::Serialize;

use crate::diag::escape::printable;
use crate::digest::{Digest, hex};
use crate::facts::Facts;
use crate::facts::packages::{Manager, Package};
use crate::facts::program::Place;
use crate::rules::database;
use crate::tree::Id;
use crate::tree::contents::Contents;
use crate::tree::set::IdSet;

/// The document; what [`of`] made, to be written as JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bom {
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u8,
    metadata: Metadata,
    components: Vec<Component>,
}

#[derive(Debug, Serialize)]
struct Metadata {
    tools: Tools,
    component: Component,
}

#[derive(Debug, Serialize)]
struct Tools {
    components: Vec<Component>,
}

#[derive(Debug, Default, Serialize)]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "String::is_empty")]
    reference: String,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    purl: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Debug, Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Debug, Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

/// The bill of what is left once `removed` is. `rewritten` tells the new content of a file, where it gets one.
///
/// # Errors
/// The path and cause of a program that cannot be read.
pub(crate) fn of<'a>(
    facts: &Facts,
    contents: &dyn Contents,
    removed: &IdSet,
    rewritten: &dyn Fn(Id) -> Option<&'a [u8]>,
) -> Result<Bom> {
    let mut components = vec![];
    if !facts.os.id.is_empty() {
        components.push(Component {
            kind: "operating-system",
            reference: "os".to_owned(),
            name: facts.os.id.clone(),
            version: facts.os.version_id.clone(),
            ..Component::default()
        });
    }
    packages(facts, contents, removed, &mut components);
    programs(facts, contents, removed, rewritten, &mut components)?;
    let unread = facts.packages.unreadable.iter();
    let unread =
        unread.map(|&(_, id)| Property { name: "harden:unread-database", value: printable(&facts.tree.path(id)) });
    let tool = Component {
        kind: "application",
        name: "harden".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Component::default()
    };
    let root = Component {
        kind: "container",
        reference: "root".to_owned(),
        name: "root file system".to_owned(),
        properties: unread.collect(),
        ..Component::default()
    };
    let mut bom = Bom {
        bom_format: "CycloneDX",
        spec_version: "1.5",
        serial_number: String::new(),
        version: 1,
        metadata: Metadata { tools: Tools { components: vec![tool] }, component: root },
        components,
    };
    bom.serial_number = serial(&bom);
    Ok(bom)
}

/// A UUID of version 8 (RFC 9562, for what others than its authors define) made of the content.
fn serial(bom: &Bom) -> String {
    let mut digest = Digest::default();
    for component in &bom.components {
        for text in [&component.reference, &component.name, &component.version] {
            digest.update(text.as_bytes());
            digest.update(b"\0");
        }
        for hash in &component.hashes {
            digest.update(hash.content.as_bytes());
        }
        for property in &component.properties {
            digest.update(property.value.as_bytes());
        }
    }
    let mut bytes = digest.finish();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

fn packages(facts: &Facts, contents: &dyn Contents, removed: &IdSet, components: &mut Vec<Component>) {
    let gone = database::left_over(facts, contents, removed).packages;
    let mut known = BTreeSet::new();
    for (index, package) in facts.packages.iter().filter(|(index, it)| !gone.contains(index) && !it.removed) {
        let files = facts.packages.files(index).filter(|&id| !facts.tree.is_dir(id) && !removed.contains(id));
        let purl = purl(package, facts);
        // One package may be recorded twice; references may not.
        if known.insert(purl.clone()) {
            components.push(Component {
                kind: "library",
                reference: purl.clone(),
                name: package.name.clone(),
                version: package.version.clone(),
                purl,
                properties: vec![Property { name: "harden:files", value: files.count().to_string() }],
                ..Component::default()
            });
        }
    }
}

/// Programs that no package owns, in order of the tree.
fn programs<'a>(
    facts: &Facts,
    contents: &dyn Contents,
    removed: &IdSet,
    rewritten: &dyn Fn(Id) -> Option<&'a [u8]>,
    components: &mut Vec<Component>,
) -> Result<()> {
    const PIECE: usize = 256 * 1024;
    let tree = &facts.tree;
    let mut found: Vec<Id> = Vec::new();
    for id in tree.ids().filter(|&id| tree.is_file(id) && tree.permissions(id) & 0o111 != 0 && !tree.meta(id).mount) {
        if removed.contains(id)
            || facts.this_program == Some(id)
            || facts.this_config.contains(&id)
            || facts.packages.owner(id).is_some()
        {
            continue;
        }
        if facts.commands.program(tree, contents, id).is_ok_and(|program| program.is_program(tree, id, Place::AnyMode))
        {
            found.push(id);
        }
    }
    for id in found {
        let path = tree.path(id);
        let mut digest = Digest::default();
        if let Some(content) = rewritten(id) {
            digest.update(content);
        } else {
            let mut offset = 0;
            loop {
                let piece = contents.read_at(tree, id, offset, PIECE);
                let piece =
                    piece.map_err(|cause| anyhow!("cannot read {}: {cause}", crate::diag::escape::quoted(&path)))?;
                digest.update(&piece);
                offset += piece.len() as u64;
                if piece.len() < PIECE {
                    break;
                }
            }
        }
        let name = printable(&path);
        components.push(Component {
            kind: "file",
            reference: format!("file:{name}"),
            name,
            hashes: vec![Hash { alg: "SHA-256", content: hex(&digest.finish()) }],
            ..Component::default()
        });
    }
    Ok(())
}

/// A package URL (github.com/package-url/purl-spec): type, namespace, name, version, qualifiers in order of their names.
fn purl(package: &Package, facts: &Facts) -> String {
    let os = &facts.os;
    let kind = match package.manager {
        Manager::Dpkg => "deb",
        Manager::Apk => "apk",
        Manager::Pacman => "alpm",
        Manager::Opkg => "opkg",
        Manager::Rpm => "rpm",
    };
    let mut purl = format!("pkg:{kind}");
    for part in [&os.id, &package.name] {
        if !part.is_empty() {
            purl.push('/');
            encode(&mut purl, part);
        }
    }
    if !package.version.is_empty() {
        purl.push('@');
        encode(&mut purl, &package.version);
    }
    let distro = match (os.id.is_empty(), os.version_id.is_empty()) {
        (true, _) => String::new(),
        (_, true) => os.id.clone(),
        _ => format!("{}-{}", os.id, os.version_id),
    };
    let upstream = if package.source == package.name { "" } else { package.source.as_str() };
    let mut separator = '?';
    for (key, value) in [("arch", package.architecture.as_str()), ("distro", &distro), ("upstream", upstream)] {
        if !value.is_empty() {
            purl.push(separator);
            purl.push_str(key);
            purl.push('=');
            encode(&mut purl, value);
            separator = '&';
        }
    }
    purl
}

/// Percent-encoding of purl-spec: letters, digits, `.-_~` and `:` stay.
fn encode(out: &mut String, text: &str) {
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or_default()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn names_and_versions_are_encoded_as_the_specification_says() {
        let mut out = String::new();
        encode(&mut out, "libstdc++6@1:2.3~rc1 \u{fc}");
        assert_eq!(out, "libstdc%2B%2B6%401:2.3~rc1%20%C3%BC");
    }
}
