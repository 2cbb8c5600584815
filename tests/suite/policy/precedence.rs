//! Flag, environment, file, image configuration, profile, default.

use harden::testing::diag::{Origin, Place};
use harden::testing::policy::{CommandLine, Database, Entry, Pattern, Run, RunUser, Start};

use super::common::{file, lines, run};

const FILE: &str = r#"
profile = "dotnet"
[run]
user = "app:1000:1000"
command = ["dotnet", "/app/MyApp.dll"]
start = "root"
path = "/usr/bin:/opt/x/bin/"
[keep]
commands = ["ls", { name = "sh", reason = "entrypoint", setid = false }, "re:^pg_(dump|restore)$"]
paths = [{ path = "/etc/cron.d/app/", optional = true }]
[packages]
database = "keep"
[rules]
"remove.root-home" = "off"
remove.cron = "off"
"#;

fn named(name: &str) -> Option<RunUser> {
    Some(RunUser::Named { name: name.into(), uid: None, gid: None })
}

fn values(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.value.as_str()).collect()
}

fn commands(run: &Run) -> Vec<&[String]> {
    match run {
        Run::Commands(lines) => lines.iter().map(|line| line.words.as_slice()).collect(),
        _ => vec![],
    }
}

#[test]
fn reads_a_whole_file() {
    let loaded = file(FILE).unwrap();
    let policy = loaded.policy;
    assert_eq!(loaded.config.unwrap().to_str(), Some("/harden.toml"));
    assert_eq!(policy.user, Some(RunUser::Named { name: "app".into(), uid: Some(1000), gid: Some(1000) }));
    assert_eq!(policy.start, Start::Root);
    assert_eq!(policy.database, Database::Keep);
    assert_eq!(policy.path, ["/usr/bin", "/opt/x/bin"]);
    let rules: Vec<_> = policy.rules.iter().map(|switch| (switch.rule.as_str(), switch.on)).collect();
    assert_eq!(rules, [("remove.cron", false), ("remove.root-home", false)]);
    let sh = policy.keep.commands.iter().find(|entry| entry.text == "sh").unwrap();
    assert_eq!((sh.reason.as_deref(), sh.setid, sh.optional), (Some("entrypoint"), Some(false), false));
    assert_eq!(sh.origin, Origin::File(Place::new("/harden.toml", 9, 28)));
    let path = &policy.keep.paths[0];
    assert_eq!((path.value.as_str(), path.optional), ("/etc/cron.d/app", true));
    let dotnet = policy.keep.commands.iter().find(|entry| entry.text == "dotnet").unwrap();
    assert_eq!((dotnet.optional, dotnet.origin.to_string()), (true, "profile dotnet".to_owned()));
    assert!(matches!(&policy.keep.commands[2].pattern, Pattern::Regex(regex) if regex.is_match(b"pg_dump")));
}

#[test]
fn single_values_are_replaced_and_lists_add_up() {
    let files = [("/harden.toml", FILE.as_bytes())];
    let environment = [("HARDEN_USER", "second"), ("HARDEN_KEEP", "cat"), ("PATH", "/bin")];
    let policy = run(
        &["--user", "first", "--disable", "remove.init", "--keep", "tac", "--command", "probe", "--profile", "node"],
        &environment,
        &files,
    )
    .unwrap()
    .policy;
    assert_eq!(policy.user, named("first"));
    assert_eq!(policy.profile.as_deref(), Some("node"));
    let texts: Vec<&str> = policy.keep.commands.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["tac", "cat", "ls", "sh", "re:^pg_(dump|restore)$", "node", "nodejs", "re:^node-[0-9]+$"]);
    assert_eq!(commands(&policy.run), [vec!["probe".to_owned()], vec!["dotnet".into(), "/app/MyApp.dll".into()]]);
    assert_eq!(policy.path, ["/usr/bin", "/opt/x/bin"], "the file's word is stronger than PATH");
    assert_eq!(policy.rules.len(), 3);
    // What a base image could say to all that are built on it is refused.
    for name in ["HARDEN_DISABLE", "HARDEN_CONFIG", "HARDEN_EXTENDS"] {
        let found = lines(run(&[], &[(name, "remove.init")], &files).unwrap_err());
        assert!(found[0].starts_with(&format!("{name}: the variable is not read")), "{found:?}");
    }
    assert_eq!(run(&[], &environment, &files).unwrap().policy.user, named("second"));
}

#[test]
fn path_comes_from_the_run_step_unless_there_is_a_root() {
    let environment = [("PATH", "/opt/bin::.:/:rel:/usr/bin/")];
    assert_eq!(run(&[], &environment, &[]).unwrap().policy.path, ["/opt/bin", "/usr/bin"]);
    assert_eq!(run(&["--root", "/tree"], &environment, &[]).unwrap().policy.path.len(), 6);
    assert_eq!(run(&[], &[], &[]).unwrap().policy.path.len(), 6);
}

#[test]
fn none_is_for_base_images() {
    let none = [("/harden.toml", b"[run]\ncommand = \"none\"".as_slice())];
    assert!(matches!(run(&[], &[], &[]).unwrap().policy.run, Run::Unknown));
    assert!(matches!(run(&[], &[], &none).unwrap().policy.run, Run::Nothing));
    assert_eq!(commands(&run(&["--command", "app"], &[], &none).unwrap().policy.run), [["app"]]);
    let files = [("/harden.toml", FILE.as_bytes())];
    assert!(matches!(run(&["--command", "none"], &[], &files).unwrap().policy.run, Run::Nothing));
    let both = run(&["--command", "none", "--command", "app"], &[], &[]).unwrap_err();
    assert_eq!(both[0].text, "'none' cannot be combined with a command (--command)");
}

#[test]
fn the_image_configuration_fills_what_nobody_said() {
    let image = br#"[{"Config":{"User":"web:data","Cmd":["nginx"],"Env":["PATH=/opt/bin"],"WorkingDir":"/srv","Volumes":{"/data":{}},
        "Healthcheck":{"Test":["CMD-SHELL","curl -f localhost:$PORT || exit 1"]}}}]"#;
    let files = [("stdin", image.as_slice())];
    let policy = run(&["--image-config", "-"], &[("PATH", "/bin")], &files).unwrap().policy;
    assert_eq!(policy.user, named("web"));
    assert_eq!(values(&policy.keep.groups), ["data"]);
    assert_eq!(policy.path, ["/opt/bin"]);
    assert_eq!((policy.workdir.as_deref(), policy.volumes.as_slice()), (Some("/srv"), ["/data".to_owned()].as_slice()));
    let Run::Commands(lines) = &policy.run else { panic!() };
    assert_eq!(
        lines[1],
        CommandLine {
            words: vec!["curl".into()],
            argv: ["/bin/sh", "-c", "curl -f localhost:$PORT || exit 1"].map(str::to_owned).to_vec(),
            shell_form: true,
            origin: Origin::ImageConfig,
        }
    );
    let policy = run(&["--image-config", "-", "--user", "app"], &[], &files).unwrap().policy;
    assert_eq!(policy.user, named("app"));
    assert!(policy.keep.groups.is_empty(), "the group belongs to the user that was replaced");
}

#[test]
fn a_configuration_inside_a_foreign_root_is_never_read() {
    let files = [("/harden.toml", b"nonsense".as_slice()), ("/tree/harden.toml", b"nonsense".as_slice())];
    assert!(run(&[], &[], &files).is_err());
    assert!(run(&["--root", "/"], &[], &files).is_err());
    assert!(run(&["--root", "/tree"], &[], &files).is_err(), "beside the binary, outside the root");
    assert!(run(&["--root", "/tree", "--config", "/tree/harden.toml"], &[], &files).is_err(), "asked for by name");
    use harden::{
        testing::cli::Cli,
        testing::policy::{Options, load},
    };
    let cli = Cli::read(["harden", "plan", "--root", "/tree"]).unwrap();
    let files = super::common::Files([("/tree/harden.toml".into(), b"nonsense".to_vec())].into());
    let loaded =
        load(&Options::new(&cli, &Default::default()), Some("/tree/harden".as_ref()), &Default::default(), &files)
            .unwrap();
    assert_eq!(loaded.config, None);
}

#[test]
fn remove_takes_back_what_a_profile_offers() {
    let policy = file("profile = 'nginx'\n[remove]\ncommands = ['nginx-debug']").unwrap().policy;
    assert!(policy.keep.commands.iter().all(|entry| entry.text != "nginx-debug"));
    assert_eq!(values(&policy.remove.commands), ["nginx-debug"]);
}
