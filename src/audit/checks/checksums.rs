//! Compares the files of packages with dpkg's lists of checksums (deb-md5sums(5)).

use crate::audit::{Cx, Findings, Severity};
use crate::diag::escape::quoted;
use crate::digest;
use crate::facts::multicall::is_telling;
use crate::facts::packages::dpkg::{sum_line, sums};
use crate::facts::packages::{Locator, Manager};
use crate::tree::Id;

/// Bytes read at once.
const PIECE: usize = 256 * 1024;

/// Bytes that are read altogether: the sizes of files are the image's to choose.
const TOTAL: u64 = 2 << 30;

/// Largest list that is read.
const LIST: u64 = 16 << 20;

/// A finding for each file whose content differs. What is missing is none: images leave out documentation, and harden
/// takes programs away. Nor is what another package has taken over or diverted, which the first one's list still names.
pub(super) fn changed(cx: &Cx<'_>, findings: &mut Findings) {
    let (tree, packages) = (cx.tree, &cx.facts.packages);
    let mut locator = Locator::new(tree);
    let mut left = TOTAL;
    let mut unread: Vec<Id> = Vec::new();
    for (index, package) in packages.iter().filter(|(_, package)| package.manager == Manager::Dpkg) {
        let Some(list) = package.record.and_then(|record| sums(tree, record)) else { continue };
        let Ok(list) = cx.contents.read(tree, list, LIST) else {
            unread.push(list);
            continue;
        };
        for (sum, path) in list.split(|&b| b == b'\n').filter_map(sum_line) {
            // Two digits a byte (RFC 1321 has 128 bits); what is no sum says nothing.
            if sum.len() != 32 || !sum.is_ascii() {
                continue;
            }
            let own = |&id: &Id| tree.is_file(id) && cx.is_part(id) && packages.owners(id).any(|owner| owner == index);
            let Some(id) = locator.find(path).ok().filter(own) else { continue };
            let Some(rest) = left.checked_sub(cx.contents.size(tree, id)) else {
                unread.push(id);
                continue;
            };
            left = rest;
            let mut at = 0;
            let now = digest::md5(|| {
                let piece = cx.contents.read_at(tree, id, at, PIECE)?;
                at += piece.len() as u64;
                anyhow::Ok(piece)
            });
            match now {
                Ok(now) if now.as_bytes() == sum => {}
                Ok(now) => {
                    let (name, was) = (quoted(package.name.as_bytes()), quoted(sum));
                    let text = format!("differs from the file in package {name}: its MD5 is '{now}', not {was}");
                    let finding = findings.at(tree, id, b"", text);
                    // What harden disables applets in differs on purpose.
                    if is_telling(tree.name(id)) {
                        finding.at_most(Severity::Info);
                    }
                }
                Err(_) => unread.push(id),
            }
        }
    }
    if let Some(&first) = unread.first() {
        let (count, path) = (unread.len(), quoted(&tree.path(first)));
        findings.note(format!(
            "{count} files were not compared with their checksums, because they are unreadable or too large; the first is {path}"
        ));
    }
}
