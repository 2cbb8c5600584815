//! The reasons of a decision as words.

use crate::closure::Reason;
use crate::diag::escape::{escaped, quoted};
use crate::facts::packages::PackageIndex;
use crate::rules::minimal::{Because, Decision};
use crate::tree::{Id, Tree};

impl Decision {
    /// Why a package stays, as clauses, the nearest first; escaped for a terminal. Empty when it goes.
    #[must_use]
    pub fn why(&self, cx: &Shown<'_>, package: PackageIndex) -> Vec<String> {
        let name = |index: PackageIndex| {
            cx.packages.get(index).map(|package| escaped(package.name.as_bytes())).unwrap_or_default()
        };
        let mut clauses = Vec::new();
        let mut next = Some(package);
        while let Some((at, because)) = next.take().and_then(|index| Some((index, self.stays.get(&index)?))) {
            match because {
                Because::Named(text) => clauses.push(text.clone()),
                Because::Module(id) => {
                    clauses.push(format!(
                        "it holds {}, a module of an interpreter that stays",
                        escaped(&cx.tree.path(*id))
                    ));
                }
                Because::OnPurpose => {
                    clauses.push(format!(
                        "it was installed on purpose ([minimal] drop = [\"{}\"] allows its removal)",
                        name(at)
                    ));
                }
                Because::Owns(id, reason) => {
                    clauses.push(format!("it holds {}", escaped(&cx.tree.path(*id))));
                    clauses.extend(self.why_file(cx, *id, reason.as_ref()));
                }
                Because::Package(index, text) => {
                    clauses.push(format!("{} {text}", name(*index)));
                    next = Some(*index);
                }
            }
            if clauses.len() > self.stays.len() + 2 {
                break;
            }
        }
        clauses
    }

    /// Why a needed file stays.
    #[must_use]
    pub fn why_file(&self, cx: &Shown<'_>, id: Id, reason: Option<&Reason>) -> Vec<String> {
        let mut clauses = Vec::new();
        let mut next = reason;
        let mut at = id;
        while let Some(reason) = next {
            clauses.push(reason.clause(cx.tree));
            let Some(from) = reason.from else { return clauses };
            at = from;
            next = self.needed.get(&at).and_then(Option::as_ref);
            if clauses.len() > self.needed.len() {
                break;
            }
        }
        let chain = cx.closure.explain(cx.tree, at);
        if chain.is_empty() && at != id && cx.packages.owner(at).is_none() {
            clauses.push(format!("{} belongs to no package: it is part of the application", quoted(&cx.tree.path(at))));
        }
        clauses.extend(chain);
        clauses
    }
}

/// What is needed to show a reason.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Every entry.
    pub tree: &'a Tree,
    /// Every package.
    pub packages: &'a crate::facts::packages::Packages,
    /// What the policy needs.
    pub closure: &'a crate::closure::Closure,
}
