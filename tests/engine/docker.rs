//! The engine as the tests use it: build, run, save, export, and clean up after themselves.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

use crate::common::Command;
use crate::tree::Tree;

/// The three ways in which a Dockerfile can bring harden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builder {
    /// The classic builder, harden copied into the image.
    Classic,
    /// BuildKit, harden copied into the image.
    BuildKit,
    /// BuildKit, harden bind-mounted for the one step.
    BuildKitBind,
}

impl Builder {
    pub const ALL: [Builder; 3] = [Builder::Classic, Builder::BuildKit, Builder::BuildKitBind];
}

struct Engine {
    client: PathBuf,
    host: Option<String>,
}

/// The directory where `make setup` keeps what it made.
pub fn work() -> PathBuf {
    std::env::var_os("HARDEN_WORK")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.work"), PathBuf::from)
}

/// A file that `make setup` made.
pub fn fixture(name: &str) -> PathBuf {
    let path = work().join("cache").join(name);
    assert!(path.exists(), "{} is missing; run: make setup", path.display());
    path
}

/// The static binary under test, built by `make dist`.
pub fn binary() -> PathBuf {
    let path = std::env::var_os("HARDEN_BIN").map_or_else(
        || {
            let target = std::env::var_os("CARGO_TARGET_DIR")
                .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
            target.join(if cfg!(target_arch = "aarch64") { "dist/arm64/harden" } else { "dist/amd64/harden" })
        },
        PathBuf::from,
    );
    assert!(path.exists(), "{} is missing; run: make dist", path.display());
    path
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let file = work().join("engine.env");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| {
            panic!("no Docker engine is set up ({}: {error}); run: make setup", file.display())
        });
        let value = |key: &str| {
            text.lines()
                .filter_map(|line| line.trim_start_matches("export ").split_once('='))
                .find_map(|(name, value)| (name == key).then(|| value.to_owned()))
        };
        let engine = Engine {
            client: value("CLIENT")
                .unwrap_or_else(|| panic!("{} names no client; run: make setup", file.display()))
                .into(),
            host: value("DOCKER_HOST"),
        };
        let alive = engine.command().arg("version").output().expect("the docker client starts");
        assert!(
            alive.status.success(),
            "the Docker engine does not answer; run: make setup\n{}",
            String::from_utf8_lossy(&alive.stderr)
        );
        engine
    })
}

impl Engine {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.client);
        if let Some(host) = &self.host {
            command.env("DOCKER_HOST", host);
        }
        command.stdin(Stdio::null());
        command
    }
}

/// The client, and the engine that it is told to use, for programs that start it themselves.
pub fn client() -> (&'static Path, Option<&'static str>) {
    (&engine().client, engine().host.as_deref())
}

/// Runs the client with these arguments.
pub fn docker(args: &[&str]) -> Output {
    engine().command().args(args).output().expect("the docker client starts")
}

/// Runs the client with this file as its standard input.
pub fn docker_fed(args: &[&str], input: fs::File) -> Output {
    engine().command().args(args).stdin(input).output().expect("the docker client starts")
}

/// Runs the client and returns its output.
///
/// # Panics
/// When the client does not end with status 0.
pub fn docker_ok(args: &[&str]) -> String {
    let output = docker(args);
    assert!(output.status.success(), "docker {args:?} failed:\n{}", both(&output));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What a command wrote, both streams.
pub fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A name that no other test and no other run uses.
pub fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("harden-test-{what}-{}-{n}", std::process::id())
}

/// A build context in a temporary directory.
pub struct Context {
    dir: tempfile::TempDir,
}

impl Context {
    pub fn new() -> Context {
        Context { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    /// A copy of one of the examples in docker/.
    pub fn example(name: &str) -> Context {
        let context = Context::new();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker").join(name);
        let status =
            Command::new("cp").args(["-a", "--"]).arg(from.join(".")).arg(context.path()).status().expect("cp starts");
        assert!(status.success(), "cannot copy {}", from.display());
        context
    }

    /// The binary under test with this configuration beside it.
    pub fn with_harden(config: &str) -> Context {
        Context::new().add(&binary(), "harden").file("harden.toml", 0o644, config)
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file, with a fixed time, so that two contexts of one test are the same.
    pub fn file(self, path: &str, mode: u32, text: &str) -> Context {
        use std::os::unix::fs::PermissionsExt;
        let full = self.path().join(path);
        fs::create_dir_all(full.parent().expect("a parent")).expect("a directory");
        fs::write(&full, text).expect("a file");
        fs::set_permissions(&full, fs::Permissions::from_mode(mode)).expect("a mode");
        self
    }

    pub fn symlink(self, path: &str, target: &str) -> Context {
        let full = self.path().join(path);
        fs::create_dir_all(full.parent().expect("a parent")).expect("a directory");
        std::os::unix::fs::symlink(target, full).expect("a link");
        self
    }

    /// Copies a file or a directory of the machine into the context.
    pub fn add(self, from: &Path, path: &str) -> Context {
        let full = self.path().join(path);
        fs::create_dir_all(full.parent().expect("a parent")).expect("a directory");
        let status = Command::new("cp").arg("-a").arg(from).arg(&full).status().expect("cp starts");
        assert!(status.success(), "cannot copy {}", from.display());
        self
    }
}

/// How one build differs from the plain one.
#[derive(Clone, Default)]
pub struct Options<'a> {
    /// The Dockerfile's name in the context, `Dockerfile` when empty.
    pub file: &'a str,
    pub args: Vec<(&'a str, String)>,
}

/// An image that goes when it is dropped.
#[derive(Debug)]
pub struct Image {
    pub tag: String,
    /// What the build printed.
    pub log: String,
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = docker(&["image", "rm", "-f", &self.tag]);
    }
}

/// Builds without cache.
///
/// # Errors
/// The build's output, when the build failed.
pub fn try_build(builder: Builder, context: &Context, options: &Options<'_>) -> Result<Image, String> {
    let tag = unique("image");
    let mut command = engine().command();
    command.env("DOCKER_BUILDKIT", if builder == Builder::Classic { "0" } else { "1" }).args([
        "build",
        "--no-cache",
        "--force-rm",
        "-t",
        &tag,
    ]);
    if builder != Builder::Classic {
        command.args(["--progress", "plain"]);
    }
    if !options.file.is_empty() {
        command.arg("-f").arg(context.path().join(options.file));
    }
    for (name, value) in &options.args {
        command.arg("--build-arg").arg(format!("{name}={value}"));
    }
    let output = command.arg(context.path()).output().expect("the docker client starts");
    if output.status.success() { Ok(Image { tag, log: both(&output) }) } else { Err(both(&output)) }
}

/// Builds without cache.
///
/// # Panics
/// With the build's output, when it fails.
pub fn build(builder: Builder, context: &Context, options: &Options<'_>) -> Image {
    try_build(builder, context, options).unwrap_or_else(|log| panic!("the {builder:?} build failed:\n{log}"))
}

/// The image that ships the binary, shared by the tests that run at the same time.
pub fn harden_image() -> Arc<Image> {
    static SHARED: Mutex<Weak<Image>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(image) = shared.upgrade() {
        return image;
    }
    let dockerfile = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/Dockerfile");
    let context = Context::new().add(&dockerfile, "Dockerfile").add(&binary(), "this/harden");
    let options = Options { args: vec![("TARGETARCH", "this".into())], ..Options::default() };
    let image = Arc::new(build(Builder::Classic, &context, &options));
    *shared = Arc::downgrade(&image);
    image
}

/// Read a tar stream, and then what follows the end of its archive: a client whose pipe closes early fails.
fn to_the_end<T>(mut pipe: impl Read, read: impl FnOnce(&mut dyn Read) -> T) -> T {
    let result = read(&mut pipe);
    std::io::copy(&mut pipe, &mut std::io::sink()).expect("the rest of the stream");
    result
}

impl Image {
    /// The image's layers, lowest first.
    pub fn layers(&self) -> Vec<Tree> {
        let mut child = engine()
            .command()
            .args(["save", &self.tag])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the docker client starts");
        let layers = to_the_end(child.stdout.take().expect("a pipe"), |reader| read_saved(reader));
        assert!(child.wait().expect("an end").success(), "docker save {} failed", self.tag);
        layers
    }

    /// What a container of this image sees, as `docker export` gives it.
    pub fn export(&self) -> Tree {
        self.exported(|pipe| to_the_end(pipe, |reader| Tree::from_tar(reader)))
    }

    /// Lets `read` have the stream of `docker export`.
    pub fn exported<T>(&self, read: impl FnOnce(ChildStdout) -> T) -> T {
        let container = Container::of(docker_ok(&["create", &self.tag, "/none"]));
        let mut child = engine()
            .command()
            .args(["export", &container.id])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the docker client starts");
        let result = read(child.stdout.take().expect("a pipe"));
        assert!(child.wait().expect("an end").success(), "docker export {} failed", self.tag);
        result
    }

    /// Unpacks what a container sees into a directory.
    pub fn unpack(&self, dir: &Path) {
        let container = Container::of(docker_ok(&["create", &self.tag, "/none"]));
        let mut export = engine()
            .command()
            .args(["export", &container.id])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the docker client starts");
        let status = Command::new("tar")
            .args(["-x", "-p", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-C"])
            .arg(dir)
            .stdin(export.stdout.take().expect("a pipe"))
            .status()
            .expect("tar starts");
        assert!(export.wait().expect("an end").success(), "docker export {} failed", self.tag);
        assert!(status.success(), "cannot unpack {}", self.tag);
    }

    /// Copies some of it, by paths without the first slash, without reading the rest. Answers whether all of them were
    /// there.
    pub fn unpack_part(&self, dir: &Path, paths: &[&str]) -> bool {
        let container = Container::of(docker_ok(&["create", &self.tag, "/none"]));
        let copy = |path: &&str| {
            let to = dir.join(path);
            fs::create_dir_all(to.parent().expect("a parent")).expect("a directory");
            docker(&["cp", &format!("{}:/{path}", container.id), &to.to_string_lossy()]).status.success()
        };
        // Each of them, also after one that is missing.
        paths.iter().filter(|path| !copy(path)).count() == 0
    }
}

/// Reads what `docker save` or `buildah push docker-archive:` writes.
pub fn read_saved(reader: impl Read) -> Vec<Tree> {
    let mut trees = BTreeMap::new();
    let mut links = BTreeMap::new();
    let mut manifest = String::new();
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries().expect("a saved image") {
        let mut entry = entry.expect("an entry of a saved image");
        let path = entry.path().expect("a path").to_string_lossy().into_owned();
        if let Ok(Some(target)) = entry.link_name() {
            // `../ID/layer.tar`, relative to the entry's own directory.
            let target = target.to_string_lossy().trim_start_matches("../").to_owned();
            links.insert(path, target);
        } else if path == "manifest.json" {
            entry.read_to_string(&mut manifest).expect("a manifest");
        } else if path.ends_with(".tar") || path.starts_with("blobs/sha256/") {
            // The other blobs are documents.
            let mut first = [0];
            if entry.read(&mut first).expect("a blob") == 1 && first != *b"{" {
                trees.insert(path, Tree::from_tar(first.chain(&mut entry)));
            }
        }
    }
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("a manifest");
    manifest[0]["Layers"]
        .as_array()
        .expect("a list of layers")
        .iter()
        .map(|layer| {
            let path = layer.as_str().expect("a layer's path");
            let path = links.get(path).map_or(path, String::as_str);
            trees.get(path).unwrap_or_else(|| panic!("{path} is not in the saved image")).clone()
        })
        .collect()
}

/// The tree that a stack of layers makes.
pub fn flatten(layers: &[Tree]) -> Tree {
    let mut tree = Tree::default();
    for layer in layers {
        tree.add_layer(layer);
    }
    tree
}

/// A container that goes when it is dropped.
pub struct Container {
    pub id: String,
    /// Whether it runs `harden learn`, which writes its file when it is told to end.
    pub learns: bool,
    /// Whether `harden init` has written the policy.
    pub proposed: bool,
}

impl Drop for Container {
    fn drop(&mut self) {
        if self.learns {
            let _ = docker(&["stop", "--time", "30", &self.id]);
        }
        let _ = docker(&["rm", "-f", "-v", &self.id]);
    }
}

/// How a hardened image is meant to run.
pub const LOCKED_DOWN: [&str; 5] = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"];

impl Container {
    /// The container of this id.
    pub fn of(id: String) -> Container {
        Container { id, learns: false, proposed: false }
    }

    /// Starts an image in the background, with these further options.
    pub fn start(image: &str, options: &[&str], command: &[&str]) -> Container {
        let args = [&["run", "-d"], options, &[image], command].concat();
        Container::of(docker_ok(&args))
    }

    pub fn logs(&self) -> String {
        both(&docker(&["logs", &self.id]))
    }

    /// The container's address in the engine's network.
    pub fn address(&self) -> String {
        docker_ok(&["inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", &self.id])
    }

    /// The answer to GET, asked until it comes.
    ///
    /// # Panics
    /// When the container ends, or does not answer within 30 s.
    pub fn get(&self, path: &str) -> String {
        let address = self.address();
        let begin = Instant::now();
        loop {
            let last = match try_get(&address, path) {
                Ok(answer) if !answer.is_empty() => return answer,
                Ok(_) => "an empty answer".to_owned(),
                Err(error) => error.to_string(),
            };
            let running = docker_ok(&["inspect", "--format", "{{.State.Running}}", &self.id]);
            assert!(running == "true", "the container ended:\n{}", self.logs());
            assert!(begin.elapsed() < Duration::from_secs(30), "no answer from {address}: {last}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The effective uid and gid of the container's first process, or of what it runs when that is `harden learn`.
    pub fn ids(&self) -> (u32, u32) {
        let mut pid = docker_ok(&["inspect", "--format", "{{.State.Pid}}", &self.id]);
        if fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "harden") {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("a list of processes");
            pid = children.split(' ').next().expect("a child").to_owned();
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs here");
        let effective = |key: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(key))
                .and_then(|rest| rest.split_whitespace().nth(1))
                .and_then(|id| id.parse().ok())
                .expect("ids")
        };
        (effective("Uid:"), effective("Gid:"))
    }
}

fn try_get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((address, 8080))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}
