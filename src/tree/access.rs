//! Access lists of files and directories (acl(5)), as Linux stores them in `system.posix_acl_access`
//! (include/uapi/linux/posix_acl_xattr.h).

/// The name of the extended attribute.
pub(crate) const ATTRIBUTE: &[u8] = b"system.posix_acl_access";

/// Version of the format, and the tags of entries.
const VERSION: u32 = 2;
const USER: u16 = 2;
const GROUP_OWNER: u16 = 4;
const GROUP: u16 = 8;
const MASK: u16 = 16;

/// One access list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessList {
    /// What named users get, by uid, and named groups, by gid: bits 0o7, the mask counted in.
    pub users: Vec<(u32, u8)>,
    /// The same of groups.
    pub groups: Vec<(u32, u8)>,
    /// What the owning group gets, the mask counted in.
    owner: u8,
}

impl AccessList {
    /// Read the value of the attribute; `None` for what is no list of this version.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (version, entries) = value.split_at_checked(4)?;
        if u32::from_le_bytes(version.try_into().ok()?) != VERSION || entries.len() % 8 != 0 {
            return None;
        }
        let (mut list, mut mask) = (Self::default(), 7);
        for entry in entries.chunks_exact(8) {
            let [tag, tag_high, bits, _, id @ ..] = entry else { return None };
            let id = u32::from_le_bytes(id.try_into().ok()?);
            match u16::from_le_bytes([*tag, *tag_high]) {
                USER => list.users.push((id, bits & 7)),
                GROUP => list.groups.push((id, bits & 7)),
                GROUP_OWNER => list.owner = bits & 7,
                MASK => mask = bits & 7,
                _ => {}
            }
        }
        for (_, bits) in list.users.iter_mut().chain(&mut list.groups) {
            *bits &= mask;
        }
        list.owner &= mask;
        Some(list)
    }

    /// What the owning group gets, bits 0o7.
    #[must_use]
    pub fn group(&self) -> u8 {
        self.owner
    }

    /// Whether any named user but root, or named group but root's, gets one of these bits.
    #[must_use]
    pub fn gives(&self, bits: u8) -> bool {
        self.users.iter().chain(&self.groups).any(|&(id, given)| id != 0 && given & bits != 0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::AccessList;

    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut value = 2_u32.to_le_bytes().to_vec();
        for &(tag, bits, id) in entries {
            value.extend(tag.to_le_bytes().into_iter().chain(bits.to_le_bytes()).chain(id.to_le_bytes()));
        }
        value
    }

    #[test]
    fn the_mask_bounds_what_named_users_and_groups_get() {
        let value =
            list(&[(1, 6, u32::MAX), (2, 6, 1000), (4, 4, u32::MAX), (8, 7, 0), (16, 4, u32::MAX), (32, 0, u32::MAX)]);
        let read = AccessList::parse(&value).unwrap();
        assert_eq!((read.users.clone(), read.groups.clone(), read.group()), (vec![(1000, 4)], vec![(0, 4)], 4));
        assert!(read.gives(4) && !read.gives(2));
        for wrong in [&b""[..], b"\x02\0\0", b"\x01\0\0\0", &value[..value.len() - 1]] {
            assert_eq!(AccessList::parse(wrong), None);
        }
    }
}
