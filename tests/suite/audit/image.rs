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
