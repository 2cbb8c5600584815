//! The entries that each layer of an image removed, and the step of the image's history that made the layer.
//!
//! Names only, each below the directory that had it: paths of a whole tree would be many times as large.

use std::collections::BTreeMap;

use serde_json::Value;

use super::layers::Number;
use crate::diag::escape::escaped;
use crate::tree::{Id, Tree};

/// Characters of a step that are shown.
const SHOWN: usize = 200;

/// Entries that are gone: by directory and name the inode that they had, and the layer that took it away last.
pub(super) type Gone = BTreeMap<(Number, Box<[u8]>), (Number, u32)>;

/// An entry that a layer took away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Removal {
    /// Its path, no link among its directories.
    pub(crate) path: Vec<u8>,
    /// Number of the layer; the lowest is 1.
    pub(crate) layer: u32,
    /// The step of the history that made the layer, for a terminal; `None` where the history does not say.
    pub(crate) step: Option<String>,
}

/// What is known of entries that the tree does not have any more.
#[derive(Debug)]
pub(crate) struct Past {
    gone: Gone,
    /// The step of each layer; none, where their numbers differ.
    steps: Vec<String>,
}

impl Past {
    /// Of an image with so many layers, and its configuration.
    pub(super) fn new(gone: Gone, layers: usize, config: &[u8]) -> Self {
        let config: Value = serde_json::from_slice(config).unwrap_or_default();
        let history = config.get("history").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let made = history.iter().filter(|step| step.get("empty_layer").and_then(Value::as_bool) != Some(true));
        let steps: Vec<String> = made
            .map(|step| step.get("created_by").and_then(Value::as_str).unwrap_or_default().trim().to_owned())
            .collect();
        Self { gone, steps: if steps.len() == layers { steps } else { Vec::new() } }
    }

    /// The layer that took away the entry of a path, which the tree does not have; `base` is where a relative path begins.
    pub(crate) fn removal(&self, tree: &Tree, base: Id, path: &[u8]) -> Option<Removal> {
        let names: Vec<&[u8]> = path.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b".")).collect();
        let start = if path.starts_with(b"/") { Id::ROOT } else { base };
        // As much of the path as the tree still has.
        let (mut at, mut rest) = (start, names.as_slice());
        while let Some((name, below)) = rest.split_first()
            && let Ok(found) = tree.resolve_from(at, name, true)
        {
            (at, rest) = (found.node, below);
        }
        let mut number = Number::try_from(tree.meta(at).ino.checked_sub(1)?).ok()?;
        let (mut layer, mut whole) = (None, tree.path(at));
        for &name in rest {
            let (inode, by) = *self.gone.get(&(number, name.into()))?;
            (number, layer) = (inode, Some(by));
            if whole.last() != Some(&b'/') {
                whole.push(b'/');
            }
            whole.extend(name);
        }
        let layer = layer?;
        let step = usize::try_from(layer).ok().and_then(|layer| self.steps.get(layer.checked_sub(1)?));
        Some(Removal { path: whole, layer, step: step.filter(|step| !step.is_empty()).map(|step| shown(step)) })
    }
}

/// A step for a terminal, cut where it is long.
fn shown(step: &str) -> String {
    let cut: String = step.chars().take(SHOWN).collect();
    let more = if cut.len() < step.len() { "…" } else { "" };
    format!("'{}{more}'", escaped(cut.as_bytes()))
}
