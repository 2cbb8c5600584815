//! The claims of the built-in files about programs, for the test that compares them with real packages.

use super::{BUILT_IN, BuiltIn, Configuration, Part, Program, SYNTAXES, account_settings, command_settings};

/// What one built-in file claims.
#[derive(Debug)]
pub struct Claims {
    /// The file, without its directory and ending.
    pub file: &'static str,
    /// Names of the program.
    pub names: Vec<&'static str>,
    /// Programs that it starts, each with the names of which the first that exists counts.
    pub starts: Vec<Vec<&'static str>>,
    /// Accounts, and groups where it is true, that it looks up.
    pub accounts: Vec<(&'static str, bool)>,
    /// Options, and beginnings of arguments, that say something.
    pub options: Vec<&'static str>,
    /// Patterns of paths that it opens, and directories of modules.
    pub opens: Vec<&'static str>,
    /// What it reads.
    pub configurations: Vec<Claimed>,
}

/// One configuration of a program.
#[derive(Debug)]
pub struct Claimed {
    /// Patterns of its usual paths.
    pub files: Vec<String>,
    /// Patterns of paths that do not belong to it.
    pub except: Vec<&'static str>,
    /// Words that begin a section.
    pub section_words: Vec<&'static str>,
    /// How it is written.
    pub syntax: &'static str,
    /// Its keys, without sections and stars.
    pub keys: Vec<&'static str>,
    configuration: &'static Configuration,
}

impl Claimed {
    /// What the text of such a configuration is found to name, one line each: `3 account www-data`.
    #[must_use]
    pub fn found(&self, text: &str) -> Vec<String> {
        let accounts = account_settings(self.configuration, text).into_iter();
        let accounts = accounts.filter(|(_, _, name, _)| !name.is_empty());
        let mut found: Vec<(u32, String)> = accounts
            .map(|(line, group, name, _)| (line, format!("{} {name}", if group { "group" } else { "account" })))
            .collect();
        found.extend(command_settings(self.configuration, text).into_iter().map(|(line, part)| match part {
            Part::Command { text, shell } => (line, format!("{} {text}", if shell { "shell" } else { "command" })),
            Part::File(path) => (line, format!("file {path}")),
            Part::Include(patterns) => (line, format!("include {patterns}")),
        }));
        found.sort();
        found.into_iter().map(|(line, what)| format!("{line} {what}")).collect()
    }
}

/// What every built-in file claims.
pub(crate) fn claims() -> Vec<Claims> {
    BUILT_IN.files.iter().filter_map(|file| Some(of(file, file.program()?))).collect()
}

fn of(file: &'static BuiltIn, program: &'static Program) -> Claims {
    let mut options: Vec<&str> = program.options.iter().map(|(option, _)| option.as_str()).collect();
    options.extend(program.with_value.iter().map(String::as_str));
    for configuration in &program.configurations {
        options.extend(configuration.instead.iter().chain(&configuration.directory).map(String::as_str));
    }
    options.extend(program.accounts.iter().flat_map(|account| &account.unless).map(String::as_str));
    options.retain(|option| option.starts_with('-') || option.ends_with(':') && !option.contains(char::is_lowercase));
    options.extend(program.writes_with.iter().map(String::as_str));
    options.sort_unstable();
    options.dedup();
    Claims {
        file: file.file,
        names: file.names.clone(),
        starts: program.starts.iter().map(|starts| starts.program.iter().map(String::as_str).collect()).collect(),
        accounts: program.accounts.iter().map(|account| (account.name.as_str(), account.group)).collect(),
        options,
        opens: program.opens.iter().chain(&program.modules).map(String::as_str).collect(),
        configurations: program.configurations.iter().map(claimed).collect(),
    }
}

fn claimed(configuration: &'static Configuration) -> Claimed {
    let key = |(key, _): &'static (String, _)| {
        let key = key.split_once("] ").map_or(key.as_str(), |(_, key)| key);
        key.trim_end_matches('*').trim_end_matches(['[', ':'])
    };
    Claimed {
        files: configuration.usual(""),
        section_words: configuration.section_words.iter().map(String::as_str).collect(),
        except: configuration.except.iter().map(String::as_str).collect(),
        syntax: SYNTAXES.iter().find(|(_, syntax)| *syntax == configuration.syntax).map_or("", |(name, _)| name),
        keys: configuration.keys.iter().map(key).filter(|key| !key.is_empty()).collect(),
        configuration,
    }
}
