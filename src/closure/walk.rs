//! The walk of the closure: a queue of entries, each of which adds the entries that it needs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::applets::Binary;
use super::evidence;
use super::load::Cache;
use super::{Closure, Input, MULTICALL, Reason, SHELL_FUNCTIONS, Why, name_service, pam};
use crate::diag::escape::quoted;
use crate::diag::{Diagnostic, Help, codes};
use crate::facts::elf::{Abi, HEAD};
use crate::facts::libraries::Libraries;
use crate::facts::program::{Program, Shebang};
use crate::tree::set::IdSet;
use crate::tree::{Id, Unresolved};

/// Most interpreters in a row that Linux accepts (fs/exec.c, exec_binprm: ELOOP).
const MAX_INTERPRETERS: usize = 5;

/// One computation of a closure.
pub(super) struct Walk<'a> {
    pub(super) input: Input<'a>,
    pub(super) libraries: Libraries,
    /// Whether a problem found now stops the run.
    pub(super) required: bool,
    /// Objects read by the loader.
    pub(super) cache: Cache,
    /// Files mapped as libraries of a program: their own needs are already in.
    pub(super) loaded: BTreeSet<Id>,
    /// Modules of the C library's name service (nsswitch.conf), and the machines whose programs have asked for them.
    pub(super) name_service: (Vec<Vec<u8>>, Vec<Abi>),
    /// PAM services already read.
    pub(super) services: BTreeSet<Id>,
    pub(super) closure: Closure,
    /// Programs of many applets, after the first question.
    pub(super) binaries: Option<Vec<Binary>>,
    /// Applets called by the name of a program, whose own calls were not read yet.
    pub(super) called: Vec<(Id, String)>,
    depths: BTreeMap<Id, u32>,
    /// Whether needs are noted that are not the first of their entry.
    pub(super) noting: bool,
    /// Objects whose needs of libraries are noted.
    pub(super) noted: IdSet,
    /// Programs whose texts are known, and the functions that files import.
    pub(super) searched: IdSet,
    pub(super) imports: BTreeMap<Id, Vec<&'static str>>,
    queue: VecDeque<Id>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(input: &Input<'a>) -> Self {
        Self {
            input: *input,
            libraries: Libraries::collect(input.tree, input.contents, input.policy.library_path.as_deref()),
            required: true,
            cache: Cache::default(),
            loaded: BTreeSet::new(),
            name_service: (name_service::modules(input.tree, input.contents), Vec::new()),
            services: BTreeSet::new(),
            closure: Closure::default(),
            binaries: None,
            called: Vec::new(),
            depths: BTreeMap::new(),
            noting: true,
            noted: IdSet::default(),
            searched: IdSet::default(),
            imports: BTreeMap::new(),
            queue: VecDeque::new(),
        }
    }

    /// Follow everything that is waiting.
    pub(super) fn run(&mut self) {
        loop {
            while let Some(id) = self.queue.pop_front() {
                self.visit(id);
            }
            self.add_nologin();
            pam::add(self);
            self.start_applets();
            // Texts are no reason to refuse what they name.
            if !self.required && !self.input.policy.blind {
                evidence::add(self);
            }
            let waits = self.called.iter().any(|(program, _)| self.has(*program));
            if self.queue.is_empty() && !waits {
                break;
            }
        }
    }

    /// Follow links, interpreters and libraries that are waiting, and nothing else; returns every need met since the last
    /// time.
    pub(super) fn take_needs(&mut self) -> Vec<(Id, Reason)> {
        while let Some(id) = self.queue.pop_front() {
            if self.input.tree.is_link(id) {
                self.visit_link(id);
            } else if !self.loaded.contains(&id)
                && let Some((elf, _)) = self.object(id)
            {
                self.visit_elf(id, &elf);
            }
        }
        std::mem::take(&mut self.closure.needs)
    }

    pub(super) fn finish(mut self) -> Closure {
        self.shorten();
        let reasons = &self.closure.reasons;
        self.closure.applets.retain(|(program, _), _| reasons.contains_key(program));
        for (id, cause) in self.input.commands.unreadable() {
            if !self.closure.contains(id) {
                self.unreadable(id, cause);
            }
        }
        self.find_shell_users();
        for problem in &self.input.commands.problems {
            self.warn_of(Diagnostic::new(codes::CLOSURE, format!("{problem}: it is treated as data")));
        }
        for messages in [&mut self.closure.refusals, &mut self.closure.warnings] {
            let mut seen = BTreeSet::new();
            messages.retain(|message| seen.insert(message.clone()));
        }
        self.closure
    }

    /// Which of the objects read import what runs a shell, while the shell has no reason to stay.
    fn find_shell_users(&mut self) {
        let tree = self.input.tree;
        if tree.resolve(b"/bin/sh").is_ok_and(|found| !self.closure.contains(found.node)) {
            let multicall = |id: Id| MULTICALL.iter().any(|multicall| tree.name(id).starts_with(multicall));
            let objects = self.cache.iter().filter(|(_, object)| object.is_some()).map(|(&id, _)| id);
            let objects: Vec<Id> = objects.filter(|&id| self.closure.contains(id) && !multicall(id)).collect();
            for id in objects {
                let mut found = evidence::imports(self, id).to_vec();
                found.retain(|name| SHELL_FUNCTIONS.contains(name));
                if !found.is_empty() {
                    self.closure.shell_users.push((id, found));
                }
            }
        }
    }

    /// An entry whose chain got shorter shortens the chains of what it needs, until nothing gets shorter.
    fn shorten(&mut self) {
        let mut again = true;
        while std::mem::take(&mut again) {
            for (id, reason) in &self.closure.needs {
                let depth = self.depth_below(reason.from);
                if self.depths.get(id).is_some_and(|&known| depth < known) {
                    self.depths.insert(*id, depth);
                    self.closure.reasons.insert(*id, reason.clone());
                    again = true;
                }
            }
        }
    }

    /// Length of the chain of what `from` needs; what the policy names has none. What lies behind a link that has not
    /// had its turn is farther than anything known.
    fn depth_below(&self, from: Option<Id>) -> u32 {
        from.map_or(0, |from| self.depths.get(&from).map_or(u32::MAX, |depth| depth.saturating_add(1)))
    }

    /// Keep an entry; a shorter chain replaces a longer one.
    pub(super) fn add(&mut self, id: Id, from: Option<Id>, why: impl Into<Why>) {
        let why = why.into();
        let depth = self.depth_below(from);
        if self.noting || !self.depths.contains_key(&id) {
            self.closure.needs.push((id, Reason { from, why: why.clone() }));
        }
        match self.depths.get(&id) {
            Some(&known) if known <= depth => return,
            Some(_) => {}
            None => self.queue.push_back(id),
        }
        self.depths.insert(id, depth);
        self.closure.reasons.insert(id, Reason { from, why });
    }

    /// Keep the entry at a path and the links among the directories on the way. A link at its end is
    /// followed when its turn comes. Returns the entry.
    pub(super) fn add_path(
        &mut self,
        base: Id,
        path: &[u8],
        from: Option<Id>,
        why: impl Into<Why>,
    ) -> Result<Id, Unresolved> {
        let why = why.into();
        let found = self.input.tree.resolve_from(base, path, false)?;
        for link in found.links {
            self.add(link, from, why.on_the_way());
        }
        self.add(found.node, from, why);
        Ok(found.node)
    }

    /// Whether the entry stays already.
    pub(super) fn has(&self, id: Id) -> bool {
        self.depths.contains_key(&id)
    }

    /// What the policy names and cannot be had: a refusal, or a warning for what may be missing.
    pub(super) fn problem(&mut self, message: Diagnostic) {
        if self.required {
            self.closure.refusals.push(message);
        } else {
            self.closure.warnings.push(message);
        }
    }

    /// How much the policy names that cannot be had.
    pub(super) fn problems(&self) -> usize {
        self.closure.refusals.len() + self.closure.warnings.len()
    }

    /// As [`Walk::problem`], about an entry: the place is where the policy names what it stays for.
    fn problem_of(&mut self, id: Id, text: String, help: impl Into<Help>) {
        let message = self.about(id, text, help);
        self.problem(message);
    }

    /// A warning about an entry, with the same place.
    pub(super) fn warn(&mut self, id: Id, text: String, help: impl Into<Help>) {
        let message = self.about(id, text, help);
        self.closure.warnings.push(message);
    }

    fn about(&self, id: Id, text: String, help: impl Into<Help>) -> Diagnostic {
        Diagnostic { origin: self.closure.origin(id).cloned(), ..Diagnostic::new(codes::CLOSURE, text).help(help) }
    }

    /// A warning about what was written at a place.
    pub(super) fn warn_of(&mut self, message: Diagnostic) {
        self.closure.warnings.push(message);
    }

    /// Everything kept so far.
    pub(super) fn kept(&self) -> impl Iterator<Item = Id> {
        self.closure.reasons.keys().copied()
    }

    /// The directory in which relative paths of the image's commands resolve.
    pub(super) fn working_directory(&self) -> Id {
        let tree = self.input.tree;
        let path = self.input.policy.workdir.as_deref().unwrap_or("/");
        tree.resolve(path.as_bytes()).map(|found| found.node).ok().filter(|&id| tree.is_dir(id)).unwrap_or(Id::ROOT)
    }

    /// The path of an entry with the reason it is kept, for messages.
    pub(super) fn name(&self, id: Id) -> String {
        let path = quoted(&self.input.tree.path(id));
        let mut why = Vec::new();
        for (at, (_, reason)) in self.closure.chain(id).into_iter().enumerate() {
            let of = reason.from.map(|from| format!(" {}", quoted(&self.input.tree.path(from)))).unwrap_or_default();
            if at < 4 || reason.from.is_none() {
                why.push(format!("{}{of}", reason.why));
            }
        }
        if why.is_empty() { path } else { format!("{path} ({})", why.join(", ")) }
    }

    fn visit(&mut self, id: Id) {
        let tree = self.input.tree;
        if !self.input.policy.blind {
            self.visit_uses(id);
            self.visit_programs(id);
        }
        self.visit_applet(id);
        if tree.is_link(id) {
            self.visit_link(id);
        } else if tree.is_file(id) {
            match self.input.commands.program(tree, self.input.contents, id) {
                // Also a library may be run: what the kernel maps first is said in the file.
                Ok(Program::Elf(elf)) if self.loaded.contains(&id) && elf.interpreter.is_none() => {}
                Ok(Program::Elf(elf)) => self.visit_elf(id, &elf),
                Ok(Program::Script(shebang)) => self.visit_script(id, &shebang),
                Ok(Program::None) => self.visit_text(id),
                Ok(Program::Unreadable(cause)) => self.unreadable(id, &cause),
                Err(error) => {
                    let text = format!("cannot determine what {} needs: {error}", self.name(id));
                    let help = "repair or replace the file, or do not keep it";
                    self.problem_of(id, text, help);
                }
            }
        }
    }

    /// A script without `#!`: the kernel refuses it, and shells and execvp(3) give it to the shell. Only a command is
    /// meant to be run that way; elsewhere an x bit says little, since whole source trees have it.
    fn visit_text(&mut self, id: Id) {
        let Input { tree, contents, commands, .. } = self.input;
        let runnable = tree.permissions(id) & 0o111 != 0
            && (commands.is_in_directory(tree, id) || commands.path.contains(&tree.parent(id)));
        if runnable
            && contents.read_at(tree, id, 0, HEAD).is_ok_and(|head| !head.is_empty() && !head.contains(&0))
            && tree.resolve(b"/bin/sh").is_ok()
        {
            let _ = self.add_path(Id::ROOT, b"/bin/sh", Some(id), "shell that execvp runs for");
        }
    }

    /// Say that nothing more is known of a file than its bytes.
    pub(super) fn unreadable(&mut self, id: Id, cause: &str) {
        let text =
            format!("{} is an ELF file that harden cannot read, and it is treated as data: {cause}", self.name(id));
        self.warn(id, text, "replace it with an intact file, or remove it before harden runs");
    }

    fn visit_link(&mut self, id: Id) {
        let tree = self.input.tree;
        let target = tree.link_target(id).unwrap_or_default();
        match tree.follow(id) {
            Ok(_) => {
                // One step: the next link has its own turn, and its own reason.
                let _ = self.add_path(tree.parent(id), target, Some(id), "target of");
            }
            Err(Unresolved::Mount(at)) => {
                let text = format!(
                    "{} leads below the mount {}, which harden does not examine",
                    self.name(id),
                    quoted(&tree.path(at))
                );
                self.warn(id, text, "");
            }
            Err(why) => {
                let what = if why == Unresolved::Loop { "forms a loop" } else { "cannot be resolved" };
                let text = format!("{} is a link to {}, which {what}", self.name(id), quoted(target));
                self.problem_of(id, text, "install its target, or do not keep the link");
            }
        }
    }

    fn visit_script(&mut self, id: Id, shebang: &Shebang) {
        self.needs_interpreter(id, &shebang.interpreter);
        self.calls_in_script(id, shebang);
        if let Some(name) = &shebang.env_name
            && !self.add_word(id, name, "program that env runs for")
        {
            let text = format!(
                "{} is run by 'env {}', which is not in PATH",
                self.name(id),
                String::from_utf8_lossy(name).escape_debug()
            );
            self.problem_of(id, text, format!("install {}, or do not keep this script", quoted(name)));
        }
        for word in &shebang.words {
            let _ = self.add_word(id, word, "program that the interpreter runs for");
        }
        if self.never_ends(id) {
            let text = format!(
                "{} is a script whose interpreters are scripts, more than {MAX_INTERPRETERS} in a row",
                self.name(id)
            );
            self.problem_of(id, text, "the kernel does not run it: give it another interpreter, or do not keep it");
        }
    }

    /// Keep the executable file that a word names, by path or in PATH; false when it names none.
    pub(super) fn add_word(&mut self, from: Id, word: &[u8], text: &str) -> bool {
        let tree = self.input.tree;
        if !word.contains(&b'/') {
            let found = self.input.commands.find_in_path(tree, word);
            return found.inspect(|&entry| self.add(entry, Some(from), text)).is_some();
        }
        let base = self.working_directory();
        let found = tree.resolve_from(base, word, true).map(|found| found.node);
        found.is_ok_and(|id| tree.is_file(id) && tree.permissions(id) & 0o111 != 0)
            && self.add_path(base, word, Some(from), text).is_ok()
    }

    /// Whether the interpreter's interpreter's … is never a program.
    fn never_ends(&self, id: Id) -> bool {
        let tree = self.input.tree;
        let mut at = id;
        for _ in 0..=MAX_INTERPRETERS {
            let Ok(Program::Script(shebang)) = self.input.commands.program(tree, self.input.contents, at) else {
                return false;
            };
            match tree.resolve_from(self.working_directory(), &shebang.interpreter, true) {
                Ok(found) => at = found.node,
                Err(_) => return false,
            }
        }
        true
    }

    /// Keep the interpreter that a file names, or say that it is missing.
    pub(super) fn needs_interpreter(&mut self, id: Id, path: &[u8]) {
        let tree = self.input.tree;
        let base = self.working_directory();
        let missing = match tree.resolve_from(base, path, true) {
            Ok(found) if tree.is_file(found.node) => {
                let _ = self.add_path(base, path, Some(id), Why::Interpreter);
                return;
            }
            Ok(_) => ["is not a file", "was not a file before this run either"],
            Err(Unresolved::Mount(_)) => {
                let text = format!(
                    "{} needs the interpreter {} on a mount, which harden does not examine",
                    self.name(id),
                    quoted(path)
                );
                self.warn(id, text, "");
                return;
            }
            Err(Unresolved::Loop) => ["is a link in a loop", "was a link in a loop before this run already"],
            Err(Unresolved::Missing) => ["does not exist", "did not exist before this run either"],
        };
        // A refusal speaks of the present; a warning must not look like this run's doing.
        let [refused, warned] = missing;
        let missing = if self.required { refused } else { warned };
        let text = format!("{} needs the interpreter {}, which {missing}", self.name(id), quoted(path));
        let help = if path.ends_with(b"\r") {
            "its first line ends in CR LF: save the script with LF line ends".to_owned()
        } else {
            "install the interpreter, or do not keep this file".to_owned()
        };
        self.problem_of(id, text, help);
    }

    /// sshd and its like refuse accounts whose shell does not exist: the file that locked accounts name stays with them.
    fn add_nologin(&mut self) {
        let tree = self.input.tree;
        let Some(path) = self.input.nologin else { return };
        let programs = &self.input.policy.programs;
        let logs_in =
            |id: Id| programs.of(tree.name(id), &tree.path(id)).iter().any(|(known, _)| known.login.is_some());
        let commands = self.closure.reasons.keys().copied();
        let sshd = commands.into_iter().find(|&id| self.input.commands.is_in_directory(tree, id) && logs_in(id));
        if let Some(sshd) = sshd
            && tree.resolve(path).is_ok()
        {
            let _ = self.add_path(Id::ROOT, path, Some(sshd), "login shell of locked accounts under");
        }
    }
}
