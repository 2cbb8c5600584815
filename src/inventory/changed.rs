//! What the files that a plan changes held before and hold after: size and SHA-256, for the report.

use serde::Serialize;

use crate::diag::escape::printable;
use crate::digest::Digest;
use crate::draft::Change;
use crate::draft::record::Target;
use crate::pipeline::Examined;
use crate::plan::Step;
use crate::tree::contents::Contents;

/// Largest file read to be summed; rewritten files are small, or multi-call programs of a few MiB.
const LIMIT: u64 = 256 * 1024 * 1024;

/// One file that gets new content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    path: String,
    /// Left out when there was no file, or it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Content>,
    after: Content,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Content {
    bytes: usize,
    sha256: String,
}

impl Content {
    fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len(), sha256: Digest::of(bytes) }
    }
}

/// Every file that gets new content by the plan, in its order.
#[must_use]
pub fn changed(examined: &Examined, contents: &dyn Contents) -> Vec<Changed> {
    let tree = &examined.facts.tree;
    let steps = &examined.plan.steps;
    let new_content = |step: &Step| match &step.change {
        Change::Rewrite(_, content) | Change::CreateFile(_, content) => Some(Content::of(content)),
        Change::HardLink(of) => examined.plan.new_content(*of).map(Content::of),
        _ => None,
    };
    steps
        .iter()
        .filter_map(|step| {
            let after = new_content(step)?;
            let (path, before) = match &step.target {
                Target::Entry(id) => (tree.path(*id), contents.read(tree, *id, LIMIT).ok()),
                Target::New(path) => (path.clone(), None),
            };
            Some(Changed { path: printable(&path), before: before.map(|content| Content::of(&content)), after })
        })
        .collect()
}
