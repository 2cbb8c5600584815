//! accounts.lock: no empty password, and none that could be known.
//!
//! `*` is written rather than `!`: OpenSSH without PAM refuses accounts marked `!` even with a key, and
//! unlocking `!` twice leaves an empty password. Marks that lock already stay as they are, and so does the
//! date of the last change, which would make every build differ.

use std::collections::BTreeSet;

use super::{Context, with_files};
use crate::draft::Draft;
use crate::draft::account_files::{AccountFiles, Verdict};
use crate::facts::accounts::{Database, Defect, PASSWORD};

/// Rule id.
pub const ID: &str = "accounts.lock";

/// Lock the password of every account and group.
pub fn check(cx: &Context<'_>, draft: &mut Draft<'_>) {
    with_files(cx, draft, |files, _| {
        move_to_shadow(files, Database::Passwd, Database::Shadow);
        move_to_shadow(files, Database::Group, Database::Gshadow);
        files.edit(ID, Database::Shadow, |line| {
            // Also in a malformed line: some C libraries read those.
            let skip = matches!(line.defect, Some(Defect::Blank | Defect::Comment | Defect::Nis));
            if skip || line.fields().count() < 2 || is_locked(line.field(PASSWORD)) {
                return Verdict::Stay;
            }
            Verdict::Become(line.with_field(PASSWORD, b"*"), why(line.field(PASSWORD)))
        });
        files.edit(ID, Database::Gshadow, |line| {
            // Empty is no password here: only members may use the group (gshadow(5)).
            let field = line.field(PASSWORD);
            if line.defect.is_some() || field.is_empty() || is_locked(field) {
                return Verdict::Stay;
            }
            Verdict::Become(line.with_field(PASSWORD, b"*"), why(field))
        });
    });
}

/// The second field of passwd and group: `x`, with a locked line in the shadow file when there is one.
fn move_to_shadow(files: &mut AccountFiles, database: Database, shadow: Database) {
    let shadowed = files.exists(shadow);
    let mark: &[u8] = if shadowed { b"x" } else { b"*" };
    files.edit(ID, database, |line| {
        let field = line.field(PASSWORD);
        let sound = match (database, shadowed) {
            (Database::Passwd, _) => field == b"x" || field == b"*",
            // grpck(8) wants x in every group that gshadow has.
            (_, true) => field == b"x",
            (_, false) => field == b"x" || is_locked(field),
        };
        if line.defect.is_some() || sound {
            return Verdict::Stay;
        }
        Verdict::Become(line.with_field(PASSWORD, mark), why(field))
    });
    if shadowed {
        let shadowed = files.entries(database).filter(|line| line.field(PASSWORD) == b"x");
        let names = BTreeSet::from_iter(shadowed.map(|line| line.name().to_vec()));
        super::prune::add_missing(files, ID, shadow, names);
    }
}

/// Whether a password field begins with a mark and holds no hash behind it that could be unlocked.
pub(crate) fn is_locked(field: &[u8]) -> bool {
    let marks = field.iter().take_while(|&&b| b == b'!' || b == b'*').count();
    let (marks, rest) = field.split_at(marks);
    !marks.is_empty() && !is_hash(rest)
}

/// crypt(5): `$id$…`, BSDi's `_` with 19 more characters, or DES with 13.
pub(crate) fn is_hash(text: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || *b == b'.' || *b == b'/';
    match text {
        [b'$', ..] => true,
        [b'_', rest @ ..] => rest.len() >= 19 && rest.iter().all(plain),
        _ => text.len() >= 13 && text.iter().all(plain),
    }
}

fn why(field: &[u8]) -> String {
    if field.is_empty() { "empty password".to_owned() } else { "no password may be usable".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::is_locked;

    #[test]
    fn marks_stay_and_hashes_do_not() {
        for field in ["!", "!!", "!*", "*", "*LK*", "!locked"] {
            assert!(is_locked(field.as_bytes()), "{field}");
        }
        for field in
            ["", "x", "abc", "$6$s$h", "!$6$s$h", "!!$y$j9T$s$h", "*$1$s$h", "!ab01FAX.bQRSU", "!_J9..rasmBYk8r9AiWNc"]
        {
            assert!(!is_locked(field.as_bytes()), "{field}");
        }
    }
}
