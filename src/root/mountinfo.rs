//! Mounts below a root, where the kernel gives no mount numbers with statx(2) (before Linux 5.8, gVisor).
//!
//! Files and directories may be bound from the root's own device, so that no device number tells. The list of mounts
//! does (proc_pid_mountinfo(5)): it is read once, when the root is opened, and only from a real procfs.

use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};

use super::{device, host};

/// Mount points below a root, as absolute paths in it.
#[derive(Debug, Default)]
pub(super) struct Points(Vec<Vec<u8>>);

impl Points {
    /// The mount points below an open root directory; `None` when nothing tells them.
    pub(super) fn below(root: &OwnedFd) -> Option<Self> {
        let link = format!("/proc/self/fd/{}", root.as_raw_fd());
        let path = host::proc_link(&link)?;
        // The path is that of the directory only if it leads there again: not of one that was removed, or that lies
        // outside the root of this process or in another mount namespace.
        let again = rustix::fs::open(&*path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let identity = |fd: &OwnedFd| {
            let stat = rustix::fs::statx(fd.as_fd(), "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS).ok()?;
            Some((device(&stat), stat.stx_ino, mount_number(fd)))
        };
        if identity(root)? != identity(&again)? {
            return None;
        }
        Some(Self::parse(&host::proc_file("/proc/self/mountinfo")?, &path, mount_number(root)))
    }

    /// Mount points below the directory at `path`, which lies on the mount of that number when it is known: what is
    /// mounted on another mount is hidden, or lies below one of these.
    fn parse(list: &[u8], path: &[u8], on: Option<u64>) -> Self {
        let above = path.strip_suffix(b"/").unwrap_or(path);
        let mut points: Vec<Vec<u8>> = Vec::new();
        for line in list.split(|&b| b == b'\n') {
            let mut fields = line.split(|&b| b == b' ');
            let (parent, point) = (fields.nth(1), fields.nth(2));
            let (Some(parent), Some(point)) = (parent, point) else { continue };
            let parent: Option<u64> = str::from_utf8(parent).ok().and_then(|text| text.parse().ok());
            if on.is_some() && parent.is_some() && on != parent {
                continue;
            }
            let point = unescaped(point);
            if let Some(inside) =
                point.strip_prefix(above).filter(|inside| inside.starts_with(b"/") && inside.len() > 1)
            {
                points.push(inside.to_vec());
            }
        }
        points.sort();
        points.dedup();
        Self(points)
    }

    /// The names in a directory on which something is mounted.
    pub(super) fn names(&self, directory: &[u8]) -> Vec<Vec<u8>> {
        let above = directory.strip_suffix(b"/").unwrap_or(directory);
        let name = |point: &Vec<u8>| point.strip_prefix(above)?.strip_prefix(b"/").map(<[u8]>::to_vec);
        self.0.iter().filter_map(name).filter(|name| !name.contains(&b'/')).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The number of the mount that an open file lies on (proc_pid_fdinfo(5), since Linux 3.15).
fn mount_number(fd: &OwnedFd) -> Option<u64> {
    let text = host::proc_file(&format!("/proc/self/fdinfo/{}", fd.as_raw_fd()))?;
    let line = text.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"mnt_id:"))?;
    str::from_utf8(line).ok()?.trim().parse().ok()
}

/// Blanks, tabs, line ends and backslashes are written as three octal digits behind a backslash.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let octal = match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..]) => {
                Some((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'))
            }
            _ => None,
        };
        plain.push(octal.unwrap_or(first));
        rest = octal.map_or(after, |_| after.get(3..).unwrap_or_default());
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::Points;

    const LIST: &[u8] = b"20 1 8:1 / / rw - ext4 /dev/a rw\n\
        30 20 8:1 /x /r/usr/lib rw - ext4 /dev/a rw\n\
        31 20 8:1 /y /r/a\\040b\\011\\134\\012c rw shared:1 - ext4 /dev/a rw\n\
        32 30 8:1 /z /r/usr/lib/below rw - ext4 /dev/a rw\n\
        33 20 8:1 /z /rest rw - ext4 /dev/a rw\n\
        34 20 8:1 /z /r rw - ext4 /dev/a rw\n\
        35 20 8:1 /z /r/usr/lib rw - ext4 /dev/a rw\nbroken\n";

    #[test]
    fn mount_points_are_those_on_the_mount_of_the_root_and_below_it() {
        let points = Points::parse(LIST, b"/r", Some(20));
        assert_eq!(points.0, [b"/a b\t\\\nc".to_vec(), b"/usr/lib".to_vec()]);
        assert_eq!(points.names(b"/"), [b"a b\t\\\nc".to_vec()]);
        assert_eq!(points.names(b"/usr"), [b"lib".to_vec()]);
        assert!(points.names(b"/us").is_empty() && points.names(b"/usr/lib").is_empty());
        // A mount that covers the root itself hides what lies on the one below it.
        assert!(Points::parse(LIST, b"/r", Some(34)).is_empty());
        // Where the number is not known every one counts.
        assert_eq!(Points::parse(LIST, b"/r", None).0.len(), 3);
        assert_eq!(Points::parse(LIST, b"/", Some(20)).0.len(), 4);
    }
}
