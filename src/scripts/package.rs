//! package.json: the scripts that npm and its kin run by name, each with `sh -c` (npm-run-script(1), npm-scripts(7)).

use std::collections::BTreeSet;

use serde_json::Value;

/// The lines of shell code that run for these words of a command line; every script where `all`.
pub(super) fn commands(text: &str, words: &[&str], all: bool) -> Vec<(u32, String)> {
    let package: Option<Value> = serde_json::from_str(text).ok();
    let Some(scripts) = package.as_ref().and_then(|package| package.get("scripts")?.as_object()) else {
        return Vec::new();
    };
    let mut wanted: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    if all {
        wanted.extend(scripts.keys().cloned());
    }
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    while let Some(word) = wanted.pop() {
        for name in [format!("pre{word}"), word.clone(), format!("post{word}")] {
            let Some((name, code)) = scripts.get_key_value(&name).and_then(|(name, code)| Some((name, code.as_str()?)))
            else {
                continue;
            };
            if seen.insert(name) {
                found.push((line(text, name), code.to_owned()));
                // One that runs others by their names: `npm run build && node .`.
                wanted.extend(code.split_whitespace().filter(|word| scripts.contains_key(*word)).map(str::to_owned));
            }
        }
    }
    found
}

/// The line of a script.
fn line(text: &str, name: &str) -> u32 {
    let (scripts, key) = (text.find("\"scripts\"").unwrap_or(0), format!("\"{name}\""));
    let at = text.get(scripts..).and_then(|rest| rest.find(&key)).map_or(0, |at| scripts + at);
    let before = text.get(..at).unwrap_or_default().bytes().filter(|&b| b == b'\n').count();
    u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::commands;

    const TEXT: &str = "{\n\"name\": \"a\",\n\"scripts\": {\n\"prestart\": \"date\",\n\"start\": \"npm run serve\",\n\"serve\": \"next\",\n\"test\": \"jest\"\n}}";

    fn of(words: &[&str], all: bool) -> Vec<String> {
        commands(TEXT, words, all).into_iter().map(|(line, code)| format!("{line} {code}")).collect()
    }

    #[test]
    fn a_script_runs_with_those_before_it_and_those_that_it_names() {
        assert_eq!(of(&["start"], false), ["4 date", "5 npm run serve", "6 next"]);
        assert_eq!(of(&["run", "test"], false), ["7 jest"]);
        assert_eq!(of(&["ci"], false), [""; 0]);
        assert_eq!(of(&[], true).len(), 4);
        assert_eq!(commands("no object", &["start"], true), []);
    }
}
