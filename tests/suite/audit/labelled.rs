//! Labelled settings and instructions: how many secrets `image.secret` finds, and how many of its findings are true.

use harden::testing::audit::{is_secret_line, is_secret_setting};

use crate::common::dirty::token;

/// The text of a list with its tokens, which are written here in parts, so that scanners of this repository find nothing.
fn list(name: &str) -> Vec<(bool, String)> {
    let text = std::fs::read_to_string(format!("{}/tests/data/secrets/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let hugging = ["hf_", "qRtYpLmNbVcXzAsDfGhJkQwErTyUiOpZxC"].concat();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| {
        let (label, rest) = line.split_once(' ').unwrap();
        assert!(label == "+" || label == "-", "{line}");
        let rest = rest.replace("{gh}", &token("ghp_")).replace("{npm}", &token("npm_")).replace("{hf}", &hugging);
        (label == "+", rest.replace("{aws}", &["AKIA", "Q3EGRZ7HJ2KLMN4P"].concat()))
    });
    lines.collect()
}

fn judge(name: &str, least: usize, says: impl Fn(&str) -> bool) {
    let list = list(name);
    assert!(list.len() >= least, "{name}: {}", list.len());
    let (mut right, mut missed, mut wrong) = (0, Vec::new(), Vec::new());
    for (secret, text) in &list {
        match (secret, says(text)) {
            (true, true) => right += 1,
            (true, false) => missed.push(text),
            (false, true) => wrong.push(text),
            (false, false) => {}
        }
    }
    let share = |of: usize| f64::from(right) / (f64::from(right) + f64::from(u32::try_from(of).unwrap()));
    let (precision, recall) = (share(wrong.len()), share(missed.len()));
    #[allow(clippy::print_stdout, reason = "with --nocapture it is what the test is for")]
    {
        println!("{name}: {} lines, precision {precision:.3}, recall {recall:.3}", list.len());
    }
    assert!(
        precision >= 0.98 && recall >= 0.98,
        "precision {precision}, recall {recall}\nmissed {missed:#?}\nwrong {wrong:#?}"
    );
}

#[test]
fn settings_are_told_apart() {
    judge("settings.txt", 300, |text| {
        let (name, value) = text.split_once('=').unwrap();
        is_secret_setting(name, value)
    });
}

#[test]
fn instructions_are_told_apart() {
    judge("history.txt", 100, is_secret_line);
}
