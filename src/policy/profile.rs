//! The profiles that are built in: named harden.toml texts whose entries are all optional.

use super::value::{self, Fault};
use crate::diag::codes;
use crate::diag::escape::quote;
use crate::diag::suggest::did_you_mean;

const PROFILES: &[(&str, &str)] = &[
    ("dotnet", include_str!("../profiles/dotnet.toml")),
    ("java", include_str!("../profiles/java.toml")),
    ("nginx", include_str!("../profiles/nginx.toml")),
    ("node", include_str!("../profiles/node.toml")),
    ("php-fpm", include_str!("../profiles/php-fpm.toml")),
    ("postgres", include_str!("../profiles/postgres.toml")),
    ("python", include_str!("../profiles/python.toml")),
    ("redis", include_str!("../profiles/redis.toml")),
    ("ruby", include_str!("../profiles/ruby.toml")),
    ("static", include_str!("../profiles/static.toml")),
];

/// The names that `--profile` takes, sorted.
pub(crate) const PROFILE_NAMES: &[&str] =
    &["dotnet", "java", "nginx", "node", "php-fpm", "postgres", "python", "redis", "ruby", "static"];

/// The text of a profile, a commented harden.toml.
#[must_use]
pub(crate) fn profile_text(name: &str) -> Option<&'static str> {
    PROFILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The name of a profile that exists.
pub(super) fn check(name: &str) -> Result<String, Fault> {
    let name = value::text(name)?;
    if profile_text(name).is_some() {
        return Ok(name.to_owned());
    }
    let help = match did_you_mean(name, PROFILE_NAMES.iter().copied()) {
        Some(known) => format!("did you mean {}?", quote(known)),
        None => format!("the profiles are {}", PROFILE_NAMES.join(", ")),
    };
    Err(Fault::of(codes::UNKNOWN_PROFILE, format!("unknown profile {}", quote(name)), help))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::decode::{Source, decode};
    use super::*;
    use crate::policy::Known;

    #[test]
    fn every_profile_is_a_valid_file_of_optional_entries() {
        assert_eq!(PROFILES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), PROFILE_NAMES);
        for (name, text) in PROFILES {
            let mut problems = Vec::new();
            // Once as the file that init prints, for the places of problems.
            decode(text, &Source::File(name), &Known::default(), &mut problems);
            assert_eq!(problems, [], "{name}");
            let layer = decode(text, &Source::Profile(name), &Known::default(), &mut problems);
            assert!(layer.profile.is_none() && layer.user.is_none() && layer.commands.is_empty(), "{name}");
            assert!(layer.keep_commands.iter().all(|entry| entry.optional && entry.reason.is_some()), "{name}");
        }
    }
}
