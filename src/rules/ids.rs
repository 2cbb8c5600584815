//! The user and group numbers that have an account or group after this run, read from the finished account files.

use std::collections::BTreeSet;

use crate::draft::Draft;
use crate::facts::accounts::{Database, GID, Line, MEMBERS, PRIMARY_GID, UID, members, parse_id};
use crate::policy::{Policy, RunUser};

/// The numbers that rules about owners ask for.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    known_users: BTreeSet<u32>,
    known_groups: BTreeSet<u32>,
    pruned_users: BTreeSet<u32>,
    pruned_groups: BTreeSet<u32>,
    removed_accounts: BTreeSet<Vec<u8>>,
    removed_groups: BTreeSet<Vec<u8>>,
    run: Option<RunIds>,
}

/// The numbers that the image's program runs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunIds {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// All groups, the primary one included.
    pub groups: BTreeSet<u32>,
}

impl RunIds {
    /// The bits 0o7 of a mode that count for the user: those of the one class that he belongs to (path_resolution(7)).
    #[must_use]
    pub fn class(&self, mode: u32, uid: u32, gid: u32) -> u32 {
        let class = if uid == self.uid {
            mode >> 6
        } else if self.groups.contains(&gid) {
            mode >> 3
        } else {
            mode
        };
        class & 0o7
    }
}

impl Ids {
    /// Read them off the account files of a draft, after the `accounts.*` rules.
    #[must_use]
    pub fn of(policy: &Policy, draft: &Draft<'_>) -> Self {
        let accounts = &draft.accounts;
        Self {
            known_users: accounts.known_uids().clone(),
            known_groups: accounts.known_gids().clone(),
            pruned_users: accounts.pruned_uids(),
            pruned_groups: accounts.pruned_gids(),
            removed_accounts: BTreeSet::from_iter(accounts.removed_accounts().map(<[u8]>::to_vec)),
            removed_groups: BTreeSet::from_iter(accounts.removed_groups().map(<[u8]>::to_vec)),
            run: policy.user.as_ref().and_then(|user| run_ids(user, draft)),
        }
    }

    /// Whether an account has that uid after this run.
    #[must_use]
    pub fn known_user(&self, uid: u32) -> bool {
        self.known_users.contains(&uid)
    }

    /// Whether some group has that gid after this run.
    #[must_use]
    pub fn known_group(&self, gid: u32) -> bool {
        self.known_groups.contains(&gid)
    }

    /// Whether this run prunes the account that the files of this uid belong to now.
    #[must_use]
    pub fn pruned_user(&self, uid: u32) -> bool {
        self.pruned_users.contains(&uid)
    }

    /// Whether this run prunes the group that the files of this gid belong to now.
    #[must_use]
    pub fn pruned_group(&self, gid: u32) -> bool {
        self.pruned_groups.contains(&gid)
    }

    /// Whether this run prunes the account of that name.
    #[must_use]
    pub fn prunes_account(&self, name: &str) -> bool {
        self.removed_accounts.contains(name.as_bytes())
    }

    /// Whether this run prunes the group of that name.
    #[must_use]
    pub fn prunes_group(&self, name: &str) -> bool {
        self.removed_groups.contains(name.as_bytes())
    }

    /// The run user's numbers; `None` when there is no such user, which is refused elsewhere.
    #[must_use]
    pub fn run(&self) -> Option<&RunIds> {
        self.run.as_ref()
    }
}

fn run_ids(user: &RunUser, draft: &Draft<'_>) -> Option<RunIds> {
    let accounts = &draft.accounts;
    let numbers = |line: &Line| Some((parse_id(line.field(UID))?, parse_id(line.field(PRIMARY_GID))?));
    let by_name = |name: &[u8]| accounts.entry(Database::Passwd, name).and_then(numbers);
    let by_uid = |uid: u32| accounts.entries(Database::Passwd).find(|line| parse_id(line.field(UID)) == Some(uid));
    let (name, uid, gid) = match user {
        RunUser::Named { name, uid, gid } => {
            let account = by_name(name.as_bytes());
            let uid = uid.or(account.map(|ids| ids.0))?;
            let gid = gid.or(account.map(|ids| ids.1)).unwrap_or(uid);
            (Some(name.as_bytes().to_vec()), uid, gid)
        }
        RunUser::Numeric { uid, gid } => {
            let account = by_uid(*uid);
            // A number with a group is what it says: no runtime looks for more groups then.
            let name = account.filter(|_| gid.is_none()).map(|line| line.field(0).to_vec());
            let primary = account.and_then(|line| parse_id(line.field(PRIMARY_GID)));
            (name, *uid, gid.or(primary).unwrap_or(*uid))
        }
    };
    let mut groups = BTreeSet::from_iter([gid]);
    if let Some(name) = name {
        for line in accounts.entries(Database::Group) {
            let listed = members(line.field(MEMBERS)).any(|member| member == name);
            if listed {
                groups.extend(parse_id(line.field(GID)));
            }
        }
    }
    Some(RunIds { uid, gid, groups })
}
