//! `--image-config`: `docker inspect`, `podman inspect` or an OCI image configuration → [`Layer`].
//!
//! This module owns the shapes of that JSON. It does not know which sources take precedence over it.

use serde_json::Value;

use super::layer::Layer;
use super::{Entry, Image, RunUser, value};
use crate::diag::Origin;
use crate::diag::escape::quote;
use crate::diag::{Diagnostic, codes};

const WANTED: &str =
    "write the output of `docker inspect IMAGE` or `podman inspect IMAGE`, or an OCI image configuration";

/// Reads the JSON that `origin` brought; problems that make it unusable and warnings go to their lists.
pub(super) fn decode(
    bytes: &[u8],
    origin: &Origin,
    problems: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Layer {
    let mut layer = Layer::default();
    let document: Value = match serde_json::from_slice(bytes) {
        Ok(document) => document,
        Err(error) => {
            problems.push(Diagnostic::at(codes::IMAGE_CONFIG, origin, format!("not valid JSON: {error}")).help(WANTED));
            return layer;
        }
    };
    let image = match &document {
        Value::Array(images) => match images.as_slice() {
            [image] => image,
            [] => {
                problems.push(Diagnostic::at(codes::IMAGE_CONFIG, origin, "the list of images is empty").help(WANTED));
                return layer;
            }
            more => {
                let message = format!("the list has {} images", more.len());
                problems.push(Diagnostic::at(codes::IMAGE_CONFIG, origin, message).help("inspect one image"));
                return layer;
            }
        },
        other => other,
    };
    // An image need not say how it runs (OCI image specification, config.md): what it is made of is there all the same.
    let none = Value::Object(serde_json::Map::new());
    let given = member(image, &["Config", "config"]).filter(|config| !config.is_null());
    let is_image = || image.get("rootfs").or(image.get("RootFS")).is_some_and(Value::is_object);
    let config = given.or_else(|| is_image().then_some(&none)).filter(|config| config.is_object());
    let Some(config) = config else {
        problems
            .push(Diagnostic::at(codes::IMAGE_CONFIG, origin, "the JSON has no 'Config' and no 'config'").help(WANTED));
        return layer;
    };
    let mut reader = Reader { config, origin, problems, warnings };
    reader.user(&mut layer);
    reader.commands(&mut layer);
    reader.directories(&mut layer);
    layer.image = Some(Image { starts_as_root: layer.user.is_none(), ports: reader.ports() });
    layer
}

struct Reader<'a> {
    config: &'a Value,
    origin: &'a Origin,
    problems: &'a mut Vec<Diagnostic>,
    warnings: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn wrong(&mut self, key: &str, wanted: &str) {
        self.problems
            .push(Diagnostic::at(codes::IMAGE_CONFIG, self.origin, format!("'{key}' is not {wanted}")).help(WANTED));
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.config.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
            Some(_) => {
                self.wrong(key, "a string");
                None
            }
        }
    }

    fn words(&mut self, key: &str, value: Option<&Value>) -> Vec<String> {
        match value {
            None | Some(Value::Null) => Vec::new(),
            // Docker took a plain string for an entrypoint long ago: one word.
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
                items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(_) => {
                self.wrong(key, "an array of strings");
                Vec::new()
            }
        }
    }

    /// `USER NAME|UID[:GROUP|GID]`, which is not our NAME:UID: the second part is always the group.
    fn user(&mut self, layer: &mut Layer) {
        let Some(text) = self.text("User") else { return };
        let (name, group) = text.split_once(':').map_or((text.as_str(), None), |(name, group)| (name, Some(group)));
        if matches!(name, "root" | "0") {
            let message = "the image runs as root, but the run user must be an unprivileged account";
            let warning = Diagnostic::at(codes::IMAGE_USER, self.origin, message);
            self.warnings.push(warning.help("name the account with --user or run.user"));
            return;
        }
        let user = match group.filter(|group| value::is_number(group)) {
            Some(gid) if value::is_number(name) => value::user(&format!("{name}:{gid}")),
            _ => value::user(name),
        };
        match user {
            Ok(user) => {
                let numeric = matches!(user, RunUser::Numeric { gid: Some(_), .. });
                layer.user = Some((user, self.origin.clone()));
                // The engine looks the group up at every start: its line has to stay.
                if let Some(group) = group.filter(|_| !numeric) {
                    match value::account(group) {
                        Ok(group) => layer.user_groups.push(entry(group, self.origin)),
                        Err(fault) => self.problems.push(fault.at(self.origin, "User")),
                    }
                }
            }
            Err(fault) => self.problems.push(fault.at(self.origin, "User")),
        }
    }

    fn commands(&mut self, layer: &mut Layer) {
        let mut words = self.words("Entrypoint", self.config.get("Entrypoint"));
        words.extend(self.words("Cmd", self.config.get("Cmd")));
        self.command("Entrypoint", words, layer);
        let test = self.config.get("Healthcheck").and_then(|check| check.get("Test"));
        let test = self.words("Healthcheck.Test", test);
        match test.split_first() {
            Some((kind, words)) if kind == "CMD" => self.command("Healthcheck.Test", words.to_vec(), layer),
            Some((kind, words)) if kind == "CMD-SHELL" => {
                let shell = self.shell();
                self.command("Healthcheck.Test", shell.into_iter().chain(words.iter().cloned()).collect(), layer);
            }
            // [] inherits, NONE switches off.
            _ => {}
        }
    }

    /// The SHELL of the image, `/bin/sh -c` by default.
    fn shell(&mut self) -> Vec<String> {
        let shell = self.words("Shell", self.config.get("Shell"));
        if shell.is_empty() { vec!["/bin/sh".to_owned(), "-c".to_owned()] } else { shell }
    }

    fn command(&mut self, key: &str, words: Vec<String>, layer: &mut Layer) {
        if words.is_empty() {
            return;
        }
        if let Some(script) = value::script(&words)
            && let Ok(names) = crate::shell::names(script)
        {
            for word in names.unknown {
                let message =
                    format!("{key}: a shell computes {} at run time, so harden cannot tell its value", quote(&word));
                let warning = Diagnostic::at(codes::IMAGE_WORD, self.origin, message);
                self.warnings.push(warning.help("name the program with --keep"));
            }
        }
        match value::exec(words, self.origin) {
            Ok(line) if layer.commands.contains(&line) => {}
            Ok(line) => layer.commands.push(line),
            Err(fault) => self.problems.push(fault.at(self.origin, key)),
        }
    }

    /// `PORT`, `PORT/tcp`, `PORT/udp` of EXPOSE: those of TCP, in order.
    fn ports(&self) -> Vec<u16> {
        let exposed = self.config.get("ExposedPorts").and_then(Value::as_object);
        let mut ports: Vec<u16> = exposed
            .into_iter()
            .flat_map(|ports| ports.keys())
            .filter_map(|port| port.strip_suffix("/tcp").unwrap_or(port).parse().ok())
            .collect();
        ports.sort_unstable();
        ports
    }

    fn directories(&mut self, layer: &mut Layer) {
        if let Some(directory) = self.text("WorkingDir") {
            // A builder resolves a relative WORKDIR against `/`.
            match value::path(&absolute(&directory)) {
                Ok(directory) => layer.workdir = Some((directory, self.origin.clone())),
                Err(fault) => self.problems.push(fault.at(self.origin, "WorkingDir")),
            }
        }
        layer.library_path = Some(Vec::new());
        for variable in self.words("Env", self.config.get("Env")) {
            if let Some(path) = variable.strip_prefix("PATH=") {
                match value::path_list(path.split(':')) {
                    Ok(list) if list.is_empty() => {}
                    Ok(list) => layer.path = Some((list, self.origin.clone())),
                    Err(fault) => self.problems.push(fault.at(self.origin, "PATH")),
                }
            }
            if let Some(path) = variable.strip_prefix("LD_LIBRARY_PATH=") {
                match value::path_list(path.split([':', ';'])) {
                    Ok(list) => layer.library_path = Some(list),
                    Err(fault) => self.problems.push(fault.at(self.origin, "LD_LIBRARY_PATH")),
                }
            }
            let known = variable.split_once('=').filter(|(name, _)| is_of_application(name));
            layer.environment.extend(known.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        match self.config.get("Volumes") {
            None | Some(Value::Null) => {}
            Some(Value::Object(volumes)) => {
                for path in volumes.keys() {
                    match value::path(&absolute(path)) {
                        Ok(path) => layer.volumes.push(path),
                        Err(fault) => self.problems.push(fault.at(self.origin, "Volumes")),
                    }
                }
            }
            Some(_) => self.wrong("Volumes", "an object"),
        }
    }
}

/// Whether a variable may name files of the application: not one that a shell or an engine sets.
pub(super) fn is_of_application(name: &str) -> bool {
    const OTHERS: [&str; 8] = ["PATH", "LD_LIBRARY_PATH", "HOME", "PWD", "OLDPWD", "TERM", "HOSTNAME", "_"];
    !OTHERS.contains(&name) && !name.starts_with("HARDEN_")
}

fn member<'v>(value: &'v Value, names: &[&str]) -> Option<&'v Value> {
    names.iter().find_map(|name| value.get(name))
}

fn absolute(path: &str) -> String {
    format!("/{}", path.trim_start_matches('/'))
}

fn entry(value: String, origin: &Origin) -> Entry {
    Entry {
        value,
        reason: Some("group of the image's USER".to_owned()),
        optional: false,
        change: false,
        origin: origin.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(json: &str) -> (Layer, Vec<String>, Vec<String>) {
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        let layer = decode(json.as_bytes(), &Origin::ImageConfig, &mut problems, &mut warnings);
        let messages = |list: Vec<Diagnostic>| list.into_iter().map(|problem| problem.text).collect();
        (layer, messages(problems), messages(warnings))
    }

    #[test]
    fn reads_docker_inspect() {
        let (layer, problems, warnings) = read(
            r#"[{"Id":"sha256:0","ContainerConfig":{"User":"wrong"},"Config":{"User":"app:web",
                "Env":["A=b","PATH=/usr/local/bin::bin:/usr/bin/:/"],"WorkingDir":"/srv/","Volumes":{"/data":{}},
                "Entrypoint":["tini","--"],"Cmd":["node","s.js"],
                "Healthcheck":{"Test":["CMD-SHELL","curl -f http://localhost:$PORT/ || exit 1"]}}}]"#,
        );
        assert_eq!((problems, warnings), (vec![], vec![]));
        assert_eq!(layer.user.unwrap().0, RunUser::Named { name: "app".into(), uid: None, gid: None });
        assert_eq!(layer.user_groups[0].value, "web");
        assert_eq!(layer.commands[0].words, ["tini", "--", "node", "s.js"]);
        assert_eq!(
            (layer.commands[1].words.as_slice(), layer.commands[1].shell_form),
            (["curl".to_owned()].as_slice(), true)
        );
        assert_eq!(layer.path.unwrap().0, ["/usr/local/bin", "/usr/bin"]);
        assert_eq!(layer.workdir.unwrap().0, "/srv");
        assert_eq!(layer.volumes, ["/data"]);
    }

    #[test]
    fn reads_an_oci_configuration() {
        let (layer, problems, warnings) = read(
            r#"{"architecture":"amd64","config":{"User":"1000:0","Cmd":["/bin/sh","-c","exec $APP; nginx"],
                "Healthcheck":{"Test":["NONE"]},"Entrypoint":null}}"#,
        );
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(warnings, ["Entrypoint: a shell computes '$APP' at run time, so harden cannot tell its value"]);
        assert_eq!(layer.user.unwrap().0, RunUser::Numeric { uid: 1000, gid: Some(0) });
        assert!(layer.user_groups.is_empty());
        assert_eq!(layer.commands.len(), 1);
        assert_eq!(layer.commands[0].words, ["nginx"]);
    }

    #[test]
    fn the_gid_of_a_named_user_is_no_uid() {
        let (layer, ..) = read(r#"{"config":{"User":"app:1000"}}"#);
        assert_eq!(layer.user.unwrap().0, RunUser::Named { name: "app".into(), uid: None, gid: None });
        assert_eq!(layer.user_groups[0].value, "1000");
    }

    #[test]
    fn refuses_what_is_no_image() {
        for (json, expected) in [
            ("", "not valid JSON: EOF while parsing a value at line 1 column 0"),
            ("[]", "the list of images is empty"),
            ("[{},{}]", "the list has 2 images"),
            ("{}", "the JSON has no 'Config' and no 'config'"),
            (r#"{"config":{"Cmd":{"a":1}}}"#, "'Cmd' is not an array of strings"),
            (r#"{"config":{"User":7}}"#, "'User' is not a string"),
            (r#"{"config":{"WorkingDir":"/a/../b"}}"#, "WorkingDir: '/a/../b' holds '..'"),
        ] {
            assert_eq!(read(json).1, [expected], "{json}");
        }
        assert_eq!(
            read(r#"{"config":{"User":"root"}}"#).2,
            ["the image runs as root, but the run user must be an unprivileged account"]
        );
    }

    proptest! {
        #[test]
        fn never_panics(user in ".{0,12}", cmd in proptest::collection::vec(".{0,12}", 0..4), directory in ".{0,12}") {
            let json = serde_json::json!({"config": {"User": user, "Cmd": cmd, "WorkingDir": directory}});
            let _ = read(&json.to_string());
        }
    }
}
