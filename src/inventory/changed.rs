//! Size and SHA-256 of the files that a plan changes, before and after, for the report.

use serde::Serialize;

use crate::diag::escape::printable;
use crate::digest::Digest;
use crate::draft::{Change, New};
use crate::pipeline::Examined;
use crate::plan::Step;
use crate::tree::contents::Contents;

/// Largest file read to be summed; rewritten files are small, or multi-call programs of a few MiB.
const LIMIT: u64 = 256 * 1024 * 1024;

/// One file that gets new content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Changed {
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
pub(crate) fn changed(examined: &Examined, contents: &dyn Contents) -> Vec<Changed> {
    let tree = &examined.facts.tree;
    let steps = &examined.plan.steps;
    let new_content = |step: &Step| match step {
        Step::Change(_, Change::Rewrite(new)) => Some(Content::of(&new.content)),
        Step::Create(creation) => match &creation.new {
            New::File(new) => Some(Content::of(&new.content)),
            New::Directory(_) => None,
        },
        Step::Change(_, Change::HardLink(of)) => examined.plan.new_content(*of).map(Content::of),
        _ => None,
    };
    steps
        .iter()
        .filter_map(|step| {
            let after = new_content(step)?;
            let before = match step {
                Step::Change(id, _) => contents.read(tree, *id, LIMIT).ok(),
                Step::Create(..) => None,
            };
            Some(Changed {
                path: printable(&step.path(tree)),
                before: before.map(|content| Content::of(&content)),
                after,
            })
        })
        .collect()
}
