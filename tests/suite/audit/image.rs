//! What an image configuration says.

use super::dirty::secret;
use super::found;
use crate::common::{Rootfs, Run};

fn with(config: &str, more: &[&str]) -> Run {
    let mut args = vec!["--format", "json", "--image-config", "-"];
    args.extend(more);
    Rootfs::distroless().run_with("audit", &args, &[], config.as_bytes())
}

#[test]
fn a_sound_configuration_has_no_finding_of_its_own() {
    let config = r#"{"config":{"User":"65532","Healthcheck":{"Test":["CMD","/app/server","-t"]},"Cmd":["/app/server"],
        "Env":["PATH=/usr/bin:/bin","POSTGRES_PASSWORD_FILE=/run/secrets/pg","TOKEN_URL=https://x"]}}"#;
    let found = found(&with(config, &[]), "info");
    assert!(!found.iter().any(|(check, _)| check.starts_with("image.")), "{found:?}");
}

#[test]
fn user_health_ports_path_and_secrets_are_looked_at() {
    let config = serde_json::json!([{ "Config": {
        "User": "0:0", "Cmd": ["/app/server", format!("--api-key={}", "s3cr3tvalue")], "ExposedPorts": { "22/tcp": {}, "8080/tcp": {} },
        "Env": ["PATH=/usr/bin::bin", "DB_PASSWORD=s3cr3t", format!("X={}", secret("ghp_"))],
    } }])
    .to_string();
    let run = with(&config, &[]);
    let found: Vec<String> = found(&run, "low").into_iter().map(|(check, _)| check).collect();
    for check in ["image.user", "image.healthcheck", "image.secret", "image.port", "image.path"] {
        assert!(found.iter().any(|id| id == check), "{check}: {found:?}");
    }
    let report = run.json().to_string();
    assert!(!run.stdout.contains("s3cr3t") && !report.contains(&secret("ghp_")), "a secret is shown");
    assert!(report.contains("ENV DB_PASSWORD holds a secret") && report.contains("EXPOSE 22/tcp"), "{report}");
    let history =
        format!(r#"{{"config":{{"User":"1"}},"history":[{{"created_by":"RUN curl -H {}"}}]}}"#, secret("npm_"));
    assert!(with(&history, &[]).json().to_string().contains("the history holds a secret (npm token)"));
}

#[test]
fn an_entrypoint_that_drops_may_start_as_root() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("harden.toml");
    std::fs::write(&config, "[run]\nstart = \"root\"\nuser = \"65532\"\n").unwrap();
    let run = with(r#"{"config":{"Cmd":["/app/server"]}}"#, &["--config", config.to_str().unwrap()]);
    assert!(!found(&run, "low").iter().any(|(check, _)| check == "image.user"));
    assert!(found(&run, "info").iter().any(|(check, _)| check == "image.user"));
}

/// The history is text of whoever made the image: time stays linear in it.
#[test]
fn a_long_history_takes_no_long_time() {
    let pieces = [
        "mysql -p x -ps3cret ",
        "docker login -u a -p b; ",
        "password 'x' machine login set ",
        "htpasswd -b ",
        "a=b,password=c&d=e ",
        "\\\"\\\\\" ",
        "echo a:b | chpasswd ",
        "https://u:p@h ",
        "add_user a b ",
        "Authorization: bearer x ",
    ];
    for piece in pieces {
        let text = piece.repeat((1 << 17) / piece.len());
        let config = serde_json::json!({"config": {"User": "1"}, "history": [{"created_by": format!("RUN {text}")}]});
        let run = with(&config.to_string(), &[]);
        assert!(run.status < 2, "{}", run.stderr);
    }
}

#[test]
fn a_fingerprint_is_of_the_instruction_and_not_of_its_place() {
    let prints = |history: &[&str]| -> std::collections::BTreeSet<String> {
        let steps: Vec<serde_json::Value> =
            history.iter().map(|step| serde_json::json!({"created_by": step})).collect();
        let run = with(&serde_json::json!({"config": {"User": "1"}, "history": steps}).to_string(), &[]);
        let report = run.json();
        let of = report["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == "image.secret");
        of.map(|finding| finding["fingerprint"].as_str().unwrap().to_owned()).collect()
    };
    let secret = "RUN curl -u bob:s3cretpw https://x";
    let one = prints(&[secret]);
    assert_eq!(one.len(), 1);
    assert_eq!(prints(&["COPY a b", "RUN true", secret]), one, "its place is nothing");
    assert!(prints(&["RUN curl -u bob:0therpw https://x"]).is_disjoint(&one), "another secret is another finding");
    assert!(prints(&["RUN wget x; curl -u bob:s3cretpw https://x"]).is_disjoint(&one), "and so is another instruction");
}

#[test]
fn an_exception_is_for_one_variable() {
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("harden.toml");
    let image = r#"{"config":{"User":"65532","Env":["DB_PASSWORD=hunter2","API_TOKEN=abcd1234"]}}"#;
    let secrets = |subject: &str| {
        let text = format!("[[audit.exception]]\nid = \"image.secret\"\npath = \"/\"\n{subject}\nreason = \"why\"\n");
        std::fs::write(&policy, text).unwrap();
        let run = with(image, &["--config", policy.to_str().unwrap()]);
        found(&run, "high").iter().filter(|(check, _)| check == "image.secret").count()
    };
    // By path and check they are one in the set: that it is empty is what tells.
    assert_eq!((secrets(""), secrets("subject = \"ENV DB_PASSWORD\""), secrets("subject = \"*\"")), (1, 1, 0));
}

#[test]
fn another_secret_in_the_same_file_is_another_finding() {
    let run = |text: &str| Rootfs::distroless().text("/app/keys", text).run("audit", &["--format", "json"]);
    let prints = |text: &str| -> std::collections::BTreeSet<String> {
        let report = run(text).json();
        let of = report["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == "secrets.token");
        of.map(|finding| finding["fingerprint"].as_str().unwrap().to_owned()).collect()
    };
    let (first, second) = (["AKIA", "Q3EGRZ7HJ2KLMN4P"].concat(), ["AKIA", "Z7HJ2KLMN4PQ3EGR"].concat());
    let one = prints(&first);
    assert_eq!(one.len(), 1);
    assert_eq!(prints(&format!("# moved\n\n{first}\n")), one);
    let both = prints(&format!("{first}\n{second}\n"));
    assert!(both.len() == 2 && both.is_superset(&one), "{both:?}");
    assert!(prints(&second).is_disjoint(&one));
}
