//! Editor of one file of /var/lib/dpkg/alternatives (update-alternatives(1), `alternative_load` of dpkg 1.22).
//!
//! ```text
//! auto | manual
//! link                    of the alternative itself
//! NAME, LINK              of each follower
//!                         a blank line
//! path, priority, and one line a follower, blank for none: each choice
//!                         a blank line
//! ```

use super::text::Goes;

/// The file without the choices that go; a follower's path that goes becomes blank. Empty when no choice is left.
///
/// # Errors
/// When the file is not of that layout.
pub(super) fn edit(text: &[u8], goes: Goes<'_>) -> Result<Option<Vec<u8>>, ()> {
    let mut lines = text.split_inclusive(|&b| b == b'\n');
    let mut left = Vec::with_capacity(text.len());
    let mut next = || lines.next().filter(|line| line.ends_with(b"\n")).ok_or(());
    let status = next()?;
    if !matches!(status, b"auto\n" | b"manual\n") {
        return Err(());
    }
    left.extend_from_slice(status);
    left.extend_from_slice(next()?);
    let mut followers = 0;
    loop {
        let name = next()?;
        left.extend_from_slice(name);
        if name == b"\n" {
            break;
        }
        left.extend_from_slice(next()?);
        followers += 1;
    }
    let (mut kept, mut changed) = (false, false);
    loop {
        let path = next()?;
        if path == b"\n" {
            left.extend_from_slice(path);
            break;
        }
        let stays = !goes(path.strip_suffix(b"\n").unwrap_or(path));
        let priority = next()?;
        let mut choice = [path, priority].concat();
        for _ in 0..followers {
            let line = next()?;
            let gone = stays && line != b"\n" && goes(line.strip_suffix(b"\n").unwrap_or(line));
            choice.extend_from_slice(if gone { b"\n" } else { line });
            changed |= gone;
        }
        if stays {
            left.extend_from_slice(&choice);
        }
        kept |= stays;
        changed |= !stays;
    }
    left.extend(lines.flatten());
    Ok(changed.then(|| if kept { left } else { Vec::new() }))
}
