//! What must stay for the kept commands to work, each entry with the reason it stays.
//!
//! Computed from bytes inside the root, never by running anything of the image.

use std::collections::BTreeMap;

use crate::facts::tree::Id;

/// Why one entry stays: one edge of the chain back to the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The entry that needs this one; `None` for what the policy names itself.
    pub from: Option<Id>,
    /// As a clause: `target of`, `interpreter of`, `library libssl.so.3 of`, `command in harden.toml:7:3`.
    pub text: String,
}

/// Everything that stays, and why.
#[derive(Debug, Default)]
pub struct Closure {
    /// First reason found for each entry.
    pub reasons: BTreeMap<Id, Reason>,
}

impl Closure {
    /// Whether the entry has to stay.
    #[must_use]
    pub fn contains(&self, id: Id) -> bool {
        self.reasons.contains_key(&id)
    }
}
