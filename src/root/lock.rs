//! One run at a time: apply holds a lock on the root directory itself (flock(2)), which ends with the process.

use std::os::fd::AsFd as _;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::{Root, calls, host};

impl Root {
    /// Keep every other run from changing this root until this one ends. Where the file system has no locks that is no
    /// error: temporary files have names of their own.
    ///
    /// # Errors
    /// Another process holds the lock: its words for a message.
    pub fn lock(&self) -> Result<(), String> {
        match rustix::fs::flock(&self.fd, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                Err(self.holder().unwrap_or_else(|| "a process that harden cannot see".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The process that holds the lock, as far as /proc/locks tells (proc_locks(5)).
    fn holder(&self) -> Option<String> {
        let here = calls::stat(self.fd.as_fd()).ok()?;
        let file = format!("{:02x}:{:02x}:{}", here.stx_dev_major, here.stx_dev_minor, here.stx_ino);
        let inode = format!(":{}", here.stx_ino);
        let text = host::proc_file("/proc/locks")?;
        let text = String::from_utf8_lossy(&text);
        let locks = || {
            text.lines().filter_map(|line| {
                let fields: Vec<&str> = line.split_whitespace().collect();
                match fields.as_slice() {
                    [_, "FLOCK", _, "WRITE", pid, place, ..] => Some((pid.parse::<u32>().ok()?, *place)),
                    _ => None,
                }
            })
        };
        // Some file systems show another device here than statx(2) does; then the inode number has to be the only one.
        let (pid, _) = locks().find(|(_, place)| *place == file).or_else(|| {
            let mut same = locks().filter(|(_, place)| place.ends_with(&inode));
            same.next().filter(|_| same.next().is_none())
        })?;
        if pid == 0 {
            return None;
        }
        let name = host::proc_file(&format!("/proc/{pid}/comm")).unwrap_or_default();
        let name = crate::diag::escape::escaped(name.trim_ascii());
        Some(if name.is_empty() { format!("process {pid}") } else { format!("process {pid} ({name})") })
    }
}
