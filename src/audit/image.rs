//! The configuration of an image: `docker inspect` output or an OCI image configuration.
//!
//! This module owns the fields that checks look at. [`crate::policy`] decides which values of the same JSON the policy
//! uses.

use serde_json::Value;

/// The configuration of an image, as far as checks look at it; empty when not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ImageConfig {
    /// `User`.
    pub user: String,
    /// `Env`, each `NAME=value`.
    pub env: Vec<String>,
    /// `Entrypoint`.
    pub entrypoint: Vec<String>,
    /// `Entrypoint` and `Cmd`, one after the other.
    pub command: Vec<String>,
    /// `Healthcheck.Test`.
    pub test: Vec<String>,
    /// `Shell`, or the one of images that name none.
    pub shell: Vec<String>,
    /// `WorkingDir`.
    pub workdir: String,
    /// `Volumes`.
    pub volumes: Vec<String>,
    /// Whether `Healthcheck` is there and is not `NONE`.
    pub healthcheck: bool,
    /// `ExposedPorts`, as `22/tcp`.
    pub exposed_ports: Vec<String>,
    /// `Labels`, each `NAME=value`.
    pub labels: Vec<String>,
    /// `created_by` of each step of the history.
    pub history: Vec<String>,
}

impl ImageConfig {
    /// Read the JSON; `None` when it is no image configuration.
    #[must_use]
    pub(crate) fn parse(json: &[u8]) -> Option<Self> {
        let document: Value = serde_json::from_slice(json).ok()?;
        let image = document.as_array().and_then(|images| images.first()).unwrap_or(&document);
        // An image need not say how it runs (OCI image specification, config.md).
        let given = ["Config", "config"].iter().find_map(|name| image.get(name)).filter(|config| !config.is_null());
        let none = Value::Object(serde_json::Map::new());
        let is_image = image.get("rootfs").or(image.get("RootFS")).is_some_and(Value::is_object);
        let config = given.or(Some(&none).filter(|_| is_image)).filter(|config| config.is_object())?;
        let keys = |name: &str| -> Vec<String> {
            config.get(name).and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.clone()).collect()
        };
        let labels = config.get("Labels").and_then(Value::as_object).into_iter().flatten();
        let history = image.get("history").and_then(Value::as_array).into_iter().flatten();
        let entrypoint = texts(config.get("Entrypoint"));
        let mut command = entrypoint.clone();
        command.extend(texts(config.get("Cmd")));
        let test = texts(config.get("Healthcheck").and_then(|check| check.get("Test")));
        Some(Self {
            user: config.get("User").and_then(Value::as_str).unwrap_or_default().to_owned(),
            env: texts(config.get("Env")),
            entrypoint,
            command,
            healthcheck: test.first().is_some_and(|first| first != "NONE"),
            test,
            shell: Some(texts(config.get("Shell")))
                .filter(|shell| !shell.is_empty())
                .unwrap_or_else(|| vec!["/bin/sh".to_owned()]),
            workdir: config.get("WorkingDir").and_then(Value::as_str).unwrap_or_default().to_owned(),
            volumes: keys("Volumes"),
            exposed_ports: keys("ExposedPorts"),
            labels: labels.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())).collect(),
            history: history.filter_map(|step| step.get("created_by")?.as_str()).map(str::to_owned).collect(),
        })
    }
}

/// An array of strings, or one string alone.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
