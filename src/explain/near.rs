//! Suggestions for a path that is not in the image.

use super::Explainer;
use crate::diag::escape::quoted;
use crate::diag::suggest::did_you_mean;
use crate::tree::{Id, Tree};

/// Entries of the same name shown.
const SHOWN: usize = 3;

/// "Did you mean", as a sentence: of a word the nearest command; else the same name elsewhere; else the nearest name at
/// the place where the path ends.
pub(super) fn suggestion(explainer: &Explainer<'_>, asked: &[u8], base: Id) -> Option<String> {
    let tree = &explainer.examined.facts.tree;
    let name = asked.rsplit(|&b| b == b'/').find(|part| !part.is_empty())?;
    let word = !asked.contains(&b'/');
    let mut paths: Vec<Vec<u8>> = if word { command(explainer, name).into_iter().collect() } else { Vec::new() };
    if paths.is_empty() {
        let elsewhere = tree.ids().filter(|&id| tree.name(id) == name);
        paths.extend(elsewhere.take(SHOWN).map(|id| tree.path(id)));
    }
    if paths.is_empty() && !word {
        paths.extend(beside(tree, asked, base));
    }
    let shown: Vec<String> = paths.iter().map(|path| quoted(path)).collect();
    (!shown.is_empty()).then(|| format!("did you mean {}?", shown.join(" or ")))
}

/// The nearest command.
fn command(explainer: &Explainer<'_>, name: &[u8]) -> Option<Vec<u8>> {
    let (tree, commands) = (&explainer.examined.facts.tree, &explainer.examined.facts.commands);
    nearest(tree, name, commands.candidates(tree)).map(|id| tree.path(id))
}

/// The nearest name in the directory where the path ends.
fn beside(tree: &Tree, asked: &[u8], base: Id) -> Option<Vec<u8>> {
    let mut at = if asked.starts_with(b"/") { Id::ROOT } else { base };
    for part in asked.split(|&b| b == b'/') {
        match tree.resolve_from(at, part, true) {
            Ok(found) => at = found.node,
            Err(_) => return nearest(tree, part, tree.children(at)).map(|id| tree.path(id)),
        }
    }
    None
}

fn nearest(tree: &Tree, word: &[u8], among: impl Iterator<Item = Id>) -> Option<Id> {
    let word = std::str::from_utf8(word).ok()?;
    let ids: Vec<Id> = among.collect();
    let names: Vec<String> = ids.iter().map(|&id| String::from_utf8_lossy(tree.name(id)).into_owned()).collect();
    let found = did_you_mean(word, names.iter().map(String::as_str))?;
    ids.iter().copied().find(|&id| tree.name(id) == found.as_bytes())
}
