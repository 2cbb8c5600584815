//! What the report tells a person to do, done to the letter: the USER line, the line of `docker run`, and the specification of a
//! pod as an engine takes it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::common::Command;
use crate::docker::{Builder, Container, Context, Image, Options, both, build};

/// Tells what it may write, what it reads of its data, and who it is.
const SERVER: &str = r#"use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die $!;
while (my $c = $s->accept) {
    my $line = <$c>;
    my @said = map { open(my $f, '>', "$_/new") ? "$_ yes" : "$_ $!" } qw(/app/data /var/lib/app /tmp /etc /app);
    open(my $f, '<', '/app/data/seed') or die $!;
    print $c "HTTP/1.0 200 OK\r\n\r\n", join(', ', @said, "seed " . <$f>, "$>:" . (split / /, $))[0]), "\n";
}
"#;

const ANSWER: &str = "/app/data yes, /var/lib/app yes, /tmp yes, /etc Read-only file system, /app Read-only file system, seed 1, 1000:1000\n";

/// What follows a heading of the report, up to the next blank line.
fn part(log: &str, heading: &str) -> String {
    // A classic build's log holds the report as it is; that of BuildKit has the step's number before each line.
    let lines: Vec<String> = log
        .lines()
        .map(|line| {
            let rest =
                line.strip_prefix('#').and_then(|rest| rest.split_once(' ')).and_then(|(_, rest)| rest.split_once(' '));
            rest.filter(|(time, _)| time.parse::<f64>().is_ok()).map_or(line, |(_, text)| text).to_owned()
        })
        .collect();
    let at = lines.iter().position(|line| line == heading).unwrap_or_else(|| panic!("no {heading}:\n{log}"));
    let own = lines[at + 1..].iter().take_while(|line| line.starts_with("  ")).map(|line| format!("{}\n", &line[2..]));
    own.collect()
}

/// The options of the printed line, as a shell reads them.
fn options(printed: &str) -> Vec<String> {
    let script = format!("docker() {{ printf '%s\\n' \"$@\"; }}\n{printed}");
    let output = Command::new("sh").args(["-ec", &script]).output().expect("a shell");
    assert!(output.status.success(), "{printed}: {}", both(&output));
    let words: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    assert_eq!((words.first().map(String::as_str), words.last().map(String::as_str)), (Some("run"), Some("IMAGE")));
    words[1..words.len() - 1].to_vec()
}

/// The specification as an engine takes it: what a pod's runtime makes of it.
fn of_pod(printed: &str, node: &Path) -> Vec<String> {
    let mut yq = Command::new("yq")
        .args(["-c", "."])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("yq is there: make setup");
    std::io::Write::write_all(&mut yq.stdin.take().expect("a pipe"), printed.as_bytes()).expect("a reader");
    let pod: Value = serde_json::from_slice(&yq.wait_with_output().expect("an answer").stdout).expect(printed);
    let spec = &pod["spec"];
    let container = &spec["containers"][0];
    let context = &container["securityContext"];
    let mut words = vec![format!("--user={}:{}", context["runAsUser"], context["runAsGroup"])];
    assert_eq!(context["runAsNonRoot"], true, "{printed}");
    if context["readOnlyRootFilesystem"] == true {
        words.push("--read-only".to_owned());
    }
    if context["allowPrivilegeEscalation"] == false {
        words.push("--security-opt=no-new-privileges".to_owned());
    }
    let dropped = context["capabilities"]["drop"].as_array().into_iter().flatten();
    words.extend(dropped.map(|name| format!("--cap-drop={}", name.as_str().expect("a name"))));
    for mount in container["volumeMounts"].as_array().into_iter().flatten() {
        let volumes = spec["volumes"].as_array().into_iter().flatten();
        let volume =
            volumes.into_iter().find(|volume| volume["name"] == mount["name"]).expect("a volume for each mount");
        let path = mount["mountPath"].as_str().expect("a path");
        // An emptyDir is a directory of the node, for everyone. What a claim holds is the person's, who was told.
        words.extend(match volume.get("emptyDir") {
            Some(_) => {
                let directory = tempfile::tempdir_in(node).expect("a directory").keep();
                fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("a mode");
                ["-v".to_owned(), format!("{}:{path}", directory.display())]
            }
            None => {
                assert_eq!(volume["persistentVolumeClaim"]["claimName"], mount["name"]);
                assert_eq!(spec["securityContext"]["fsGroup"], context["runAsGroup"]);
                ["-v".to_owned(), path.to_owned()]
            }
        });
    }
    words
}

fn start(image: &Image, words: &[String]) -> Container {
    Container::start(&image.tag, &words.iter().map(String::as_str).collect::<Vec<_>>(), &[])
}

#[test]
fn a_program_runs_by_the_lines_that_the_report_prints() {
    let config = "[run]\nuser = \"app:1000:1000\"\ncommand = [\"perl\", \"/app/server\"]\n[files]\n\
                  writable = [\"/app/data\", \"/var/lib/app\"]\n";
    let dockerfile = |last: &str| {
        format!(
            "FROM harden-test/debian:12\nCOPY server /app/server\nRUN mkdir /app/data && printf 1 >/app/data/seed\n\
             COPY harden harden.toml /\nRUN [\"/harden\", \"apply\"]\n{last}\nCMD [\"perl\", \"/app/server\"]\n"
        )
    };
    let context = |last: &str| {
        Context::with_harden(config).file("server", 0o644, SERVER).file("Dockerfile", 0o644, &dockerfile(last))
    };
    let first = build(Builder::Classic, &context(""), &Options::default());
    let user = part(&first.log, "Dockerfile, after this step:");
    assert_eq!(user, "USER 1000\n");
    // Every line of the report as it is, and the image as the first line leaves it.
    let image = build(Builder::BuildKit, &context(user.trim_end()), &Options::default());
    let printed = options(&part(&image.log, "Docker and Podman:"));
    assert!(printed.contains(&"--read-only".to_owned()) && printed.contains(&"/app/data".to_owned()), "{printed:?}");
    let node = tempfile::tempdir().expect("a directory");
    let pod = of_pod(&part(&image.log, "Kubernetes:"), node.path());
    for words in [&printed, &pod] {
        let container = start(&image, words);
        assert_eq!(container.get("/"), ANSWER, "{words:?}: {}", container.logs());
    }
    let container = start(&image, &["--read-only".to_owned()]);
    assert!(container.get("/").ends_with("1000:1000\n"), "the USER line: {}", container.logs());
}

#[test]
fn a_server_that_starts_as_root_runs_by_the_line_that_the_report_prints() {
    let config = "profile = \"nginx\"\n[run]\nuser = \"www-data\"\nstart = \"root\"\n\
                  command = [\"nginx\", \"-g\", \"daemon off;\"]\n";
    let dockerfile = "FROM harden-test/debian:12-nginx\nRUN printf hello >/var/www/html/index.html && \
                      sed -i 's/listen 80 /listen 8080 /; s/listen \\[::\\]:80 /listen [::]:8080 /' /etc/nginx/sites-enabled/default\n\
                      COPY harden harden.toml /\nRUN [\"/harden\", \"apply\"]\n\
                      CMD [\"nginx\", \"-g\", \"daemon off;\"]\n";
    let context = Context::with_harden(config).file("Dockerfile", 0o644, dockerfile);
    let image = build(Builder::BuildKit, &context, &Options::default());
    assert!(part(&image.log, "Dockerfile, after this step:").starts_with("USER root"));
    let container = start(&image, &options(&part(&image.log, "Docker and Podman:")));
    assert_eq!(container.get("/"), "hello", "{}", container.logs());
}
