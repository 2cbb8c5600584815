//! What a path that is not in the image may have meant.

use super::Explainer;
use crate::facts::tree::{Id, Tree};
use crate::policy::did_you_mean;
use crate::report::escape::quoted;

/// Entries of the same name shown.
const SHOWN: usize = 3;

/// "Did you mean", as a sentence: the same name elsewhere, else the nearest name at the place where the path ends.
pub(super) fn suggestion(explainer: &Explainer<'_>, asked: &[u8], base: Id) -> Option<String> {
    let tree = &explainer.examined.facts.tree;
    let name = asked.rsplit(|&b| b == b'/').find(|part| !part.is_empty())?;
    let elsewhere = tree.ids().filter(|&id| tree.name(id) == name);
    let mut paths: Vec<Vec<u8>> = elsewhere.take(SHOWN).map(|id| tree.path(id)).collect();
    if paths.is_empty() {
        paths.extend(if asked.contains(&b'/') { beside(tree, asked, base) } else { command(explainer, asked) });
    }
    let shown: Vec<String> = paths.iter().map(|path| quoted(path)).collect();
    (!shown.is_empty()).then(|| format!("did you mean {}?", shown.join(" or ")))
}

/// The nearest command.
fn command(explainer: &Explainer<'_>, name: &[u8]) -> Option<Vec<u8>> {
    let (tree, commands) = (&explainer.examined.facts.tree, &explainer.examined.facts.commands);
    nearest(tree, name, commands.candidates(tree)).map(|id| tree.path(id))
}

/// The path with its first wrong part put right, and the parts behind it if they exist then.
fn beside(tree: &Tree, asked: &[u8], base: Id) -> Option<Vec<u8>> {
    let mut at = if asked.starts_with(b"/") { Id::ROOT } else { base };
    let mut corrected = false;
    for part in asked.split(|&b| b == b'/').filter(|part| !part.is_empty()) {
        let directory = tree.follow(at).ok()?.node;
        match tree.resolve_from(directory, part, false) {
            Ok(found) => at = found.node,
            Err(_) if corrected => break,
            Err(_) => {
                at = nearest(tree, part, tree.children(directory))?;
                corrected = true;
            }
        }
    }
    Some(tree.path(at))
}

fn nearest(tree: &Tree, word: &[u8], among: impl Iterator<Item = Id>) -> Option<Id> {
    let word = std::str::from_utf8(word).ok()?;
    let named: Vec<Id> = among.collect();
    let name = |&id: &Id| std::str::from_utf8(tree.name(id)).ok();
    let found = did_you_mean(word, named.iter().filter_map(name))?;
    named.iter().copied().find(|id| name(id) == Some(found))
}
