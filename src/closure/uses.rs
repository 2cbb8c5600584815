//! What kept scripts and kept programs that start others bring along: the code that they read, the scripts that they
//! start by themselves, and with `keep.from-scripts` the programs that they name.

use super::walk::Walk;
use crate::scripts::{How, Named, Reader, is_told};
use crate::tree::Id;

impl Walk<'_> {
    /// Keep what the text or the configuration of a file asks for.
    pub(super) fn visit_uses(&mut self, id: Id) {
        let input = self.input;
        let reader =
            Reader { tree: input.tree, contents: input.contents, commands: input.commands, policy: input.policy };
        for file in reader.uses(id) {
            for name in &file.names {
                if !self.brings(name) {
                    continue;
                }
                let (from, of) = if self.has(file.file) {
                    (file.file, "of".to_owned())
                } else {
                    (id, format!("of {}, read by", reader.place(file.file, 0)))
                };
                let text = match (name.how, name.line) {
                    (How::Runs, 0) => format!("named by the variable 'command' {of}"),
                    (How::Runs, line) => format!("named at line {line} {of}"),
                    (How::Reads, line) => format!("read at line {line} {of}"),
                    (How::Starts, 0) => "started by".to_owned(),
                    (How::Starts, line) => format!("in the directory named at line {line} {of}"),
                };
                // Links among the directories of a path stay with it.
                let base = self.working_directory();
                let path = name.how != How::Starts && name.word.contains('/');
                if !path || self.add_path(base, name.word.as_bytes(), Some(from), &text).is_err() {
                    self.add(name.entry, Some(from), &text);
                }
            }
        }
    }

    fn brings(&self, name: &Named) -> bool {
        let policy = self.input.policy;
        match name.how {
            How::Starts => true,
            How::Reads => !name.optional || policy.keep.from_scripts,
            How::Runs => policy.keep.from_scripts && !name.optional && !is_told(policy, self.input.tree, name),
        }
    }
}
