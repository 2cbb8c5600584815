//! The exit statuses of `harden`, all in one place.
//!
//! This module owns the numbers. It does not know which error leads to which of them.

/// How a run ended. The numbers are part of the command line's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// 0: done, or nothing found. `plan` ends with it also when changes are pending.
    Done = 0,
    /// 1: an audit found something at or above the level that was asked for.
    Findings = 1,
    /// 2: the usage, the configuration or the plan was refused; nothing was changed.
    Refused = 2,
    /// 3: a change or a check failed part-way; running again continues.
    Failed = 3,
}

impl Exit {
    /// The status as the operating system gets it.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_contract() {
        let all = [Exit::Done, Exit::Findings, Exit::Refused, Exit::Failed];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3]);
    }
}
