//! `--dump-config` prints what loads to the same policy.

use harden::testing::policy::{Policy, dump, pattern_text};
use proptest::prelude::*;

use super::common::{file, lines, run};

/// Everything but the origins, which differ by nature, and facts of the image that no key holds.
fn essence(policy: &Policy) -> String {
    let mut policy = policy.clone();
    policy.image = None;
    policy.origins.clear();
    let mut text = format!("{policy:?}");
    while let Some(at) = text.find("origin: ") {
        let rest = &text[at..];
        let end = rest.find(" }").unwrap();
        text.replace_range(at..at + end, "");
    }
    let patterns: Vec<String> = policy.keep.commands.iter().map(|entry| pattern_text(&entry.pattern)).collect();
    format!("{text} {patterns:?}").replace(" }", "")
}

fn comes_back(policy: &Policy) {
    let text = dump(policy);
    let again = file(&text).unwrap_or_else(|problems| panic!("{text}\n{}", lines(problems).join("\n")));
    assert_eq!(essence(&again.policy), essence(policy), "{text}");
    let without_comments =
        |text: &str| text.lines().map(|line| line.split("  # ").next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(without_comments(&dump(&again.policy)), without_comments(&text));
}

#[test]
fn an_empty_policy_comes_back() {
    let policy = run(&[], &[], &[]).unwrap().policy;
    comes_back(&policy);
}

#[test]
fn exceptions_come_back() {
    let text = "[[audit.exception]]\nid = \"files.setid\"\npath = \"/usr/bin/a\"\nreason = \"a \\\"b\\\"\"\n\
                expires = 2027-01-31\n[[audit.exception]]\nid = \"files.run\"\npath = \"/run/**\"\nreason = \"c\"\n\
                [rules]\n\"remove.cron\" = \"off\"\n";
    let policy = file(text).unwrap().policy;
    assert_eq!((policy.audit.exceptions.len(), policy.rules.len()), (2, 1));
    comes_back(&policy);
}

#[test]
fn flags_and_image_configuration_come_back() {
    let image = br#"{"config":{"User":"app:7","Entrypoint":["/bin/sh","-c","cd /srv && exec 'my app' $X"],"Volumes":{"/data":{}},
        "WorkingDir":"/srv","Healthcheck":{"Test":["CMD","bash","-c","a; b $PORT"]}}}"#;
    let args = [
        "--image-config",
        "-",
        "--profile",
        "python",
        "--keep",
        "a*",
        "--strict",
        "--disable",
        "remove.cron",
        "--command",
        "x; if y",
        "--check",
        "a 'b c'",
        "--check",
        "[\"sh\", \"-c\", \"test $X\"]",
    ];
    let policy = run(&args, &[], &[("stdin", image)]).unwrap().policy;
    comes_back(&policy);
    assert!(dump(&policy).contains("\"a*\",  # --keep"));
    assert!(dump(&policy).contains("[\"a\", \"b c\"],  # --check"));
    let text = "[run]\ncommand = \"x; if y\"\n[check]\ncommands = [\"a\", { command = \"s 'd'\", tcp = 0x50 }]\ntcp = 81\ntimeout = 7\n";
    let policy = file(text).unwrap().policy;
    comes_back(&policy);
    let checks: Vec<_> = policy.checks.iter().map(|check| (check.argv.join("|"), check.tcp, check.timeout)).collect();
    let expected = [("a", None), ("s|d", Some(80)), ("/bin/sh|-c|x; if y", Some(81))];
    assert_eq!(checks, expected.map(|(argv, tcp)| (argv.to_owned(), tcp, 7)));
}

fn entries(value: &'static str) -> impl Strategy<Value = String> {
    let plain = proptest::string::string_regex(value).unwrap().prop_map(|text| format!("\"{text}\""));
    let table = (proptest::string::string_regex(value).unwrap(), "[ -~é]{0,8}x", any::<bool>()).prop_filter_map(
        "a variable",
        |(text, reason, optional)| {
            let reason = reason.replace(['\\', '"', '$'], "-");
            Some(format!("{{ name = \"{text}\", reason = \"{reason}\", optional = {optional} }}"))
        },
    );
    proptest::collection::btree_set(prop_oneof![plain, table], 0..4)
        .prop_map(|set| set.into_iter().collect::<Vec<_>>().join(", "))
}

proptest! {
    #[test]
    fn any_policy_comes_back(
        profile in proptest::sample::select(vec!["dotnet", "java", "nginx", "node", "python", "static"]),
        user in "([a-z]{1,8}(:[1-9][0-9]{0,3}){0,2}|[0-9]{1,5}(:[0-9]{1,5})?)",
        command in "(none|[a-z/]{1,6}( [a-z'/.*;&|]{1,6}){0,4})",
        words in proptest::collection::vec("[a-z/;' é-]{1,8}x", 1..4),
        exec in any::<bool>(),
        commands in entries("([a-z/]{0,1}[a-z]{1,6}[*?]?|re:\\^?[a-z]{1,5}([|][a-z])?\\$?)"),
        users in entries("[a-z]{1,6}"),
        paths in entries("/[a-z]{1,6}(/[a-z é]{1,4}x)?"),
        openshift in any::<bool>(),
        database in proptest::sample::select(vec!["prune", "keep", "remove"]),
        mode in proptest::sample::select(vec!["standard", "minimal"]),
        granularity in proptest::sample::select(vec!["package", "file"]),
        wanted in proptest::sample::select(vec!["true", "false", "\"auto\""]),
        packages in entries("[a-z]{1,6}[*]?"),
        drop in entries("[a-z]{1,6}[*]?"),
    ) {
        let command = if exec { format!("{words:?}") } else { format!("\"{command}\"") };
        let text = format!(
            "profile = \"{profile}\"\nmode = \"{mode}\"\n[minimal]\ngranularity = \"{granularity}\"\npackages = [{packages}]\ndrop = [{drop}]\n\
             certificates = {wanted}\ngconv = {wanted}\n[run]\nuser = \"{user}\"\ncommand = {command}\n[keep]\ncommands = [{commands}]\nusers = [{users}]\n\
             shells = [{users}]\nsetid = [{paths}]\n[files]\nwritable = [{paths}]\nopenshift = {openshift}\n\
             [packages]\ndatabase = \"{database}\"\n[rules]\nremove.cron = \"on\"\n"
        );
        // Two spellings of one entry and open quotes are refused; that is not the matter here.
        if let Ok(loaded) = file(&text) {
            comes_back(&loaded.policy);
        }
    }
}
