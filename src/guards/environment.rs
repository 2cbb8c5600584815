//! Variables of the image that name a program which would be removed: the application starts it by them.

use super::Guard;
use crate::diag::escape::{basic_string, quoted};
use crate::diag::{Help, Keep, List};
use crate::draft::Draft;
use crate::rules::context::Context;
use crate::tree::Id;

/// Variables that tell what a person at a terminal uses.
const PERSONAL: [&str; 6] = ["SHELL", "PAGER", "MANPAGER", "EDITOR", "VISUAL", "BROWSER"];

/// The row of this guard.
pub(super) const GUARD: Guard = Guard {
    id: "guard.environment",
    title: "a variable of the image names a program that would be removed",
    settled: "add the program to [keep] commands, or to [remove] commands if it never starts.",
    check,
};

/// Apply the guard.
pub(crate) fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    let (tree, commands) = (&cx.facts.tree, &cx.facts.commands);
    for (name, value) in cx.policy.environment.iter().filter(|(name, _)| !PERSONAL.contains(&name.as_str())) {
        let word = value.split_whitespace().next().unwrap_or_default();
        let by_name = name.ends_with("_COMMAND") || name.ends_with("_CMD");
        let found = if word.starts_with('/') {
            tree.resolve(word.as_bytes()).ok()
        } else if by_name && !word.contains('/') {
            commands.find_in_path(tree, word.as_bytes()).and_then(|id| tree.resolve(&tree.path(id)).ok())
        } else {
            None
        };
        let Some(found) = found.filter(|found| tree.is_file(found.node)) else { continue };
        let entries: Vec<Id> = found.links.into_iter().chain([found.node]).collect();
        let told = cx.policy.remove.commands.iter().any(|entry| {
            let value = entry.value.as_bytes();
            value == word.as_bytes() || entries.iter().any(|&id| value == tree.name(id) || value == tree.path(id))
        });
        let command = entries.iter().any(|&id| commands.is_in_directory(tree, id));
        if command && !told && entries.iter().any(|&id| draft.is_removed(id)) {
            draft.refuse(
                format!(
                    "the variable {} of the image names {}, which would be removed",
                    quoted(name.as_bytes()),
                    quoted(word.as_bytes())
                ),
                Help::write(
                    vec![Keep::new(List::Commands, word)],
                    &format!(", or [remove] commands = [{}] if it never starts", basic_string(word)),
                ),
            );
        }
    }
}
