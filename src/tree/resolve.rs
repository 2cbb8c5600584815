//! Path resolution in a tree: links inside the root, as path_resolution(7) says it, each remembered where it costs
//! much.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::{Id, Tree};

/// Most links followed in one resolution, as Linux does (path_resolution(7): ELOOP after 40).
pub(crate) const MAX_LINKS: usize = 40;

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The entry that the path names in the end.
    pub node: Id,
    /// Every link that was followed on the way, in order.
    pub links: Vec<Id>,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unresolved {
    /// A component does not exist, or is no directory.
    Missing,
    /// More than [`MAX_LINKS`] links.
    Loop,
    /// The path goes on below a mount point, where this tree does not look.
    Mount(Id),
}

/// Where one link leads.
#[derive(Debug, Clone)]
pub(super) enum Followed {
    /// To an entry, over so many links, itself the first.
    To(Id, Arc<[Id]>),
    /// Nowhere, after so many links.
    Nowhere(Unresolved, usize),
    /// Over more than so many links.
    Beyond(usize),
}

/// A path that leads nowhere, with the number of links that were followed.
struct Stuck {
    why: Unresolved,
    links: usize,
}

/// Targets of links up to this length, in bytes, are walked again rather than remembered, unless links lie on the way.
const SHORT: usize = 256;

impl Tree {
    /// The entry that `path` names literally, the last component not followed; links in other
    /// components are.
    #[must_use]
    pub fn lookup(&self, path: &[u8]) -> Option<Id> {
        self.resolve_from(Id::ROOT, path, false).ok().map(|found| found.node)
    }

    /// The entry that `path` leads to, every link followed inside the root.
    ///
    /// # Errors
    /// [`Unresolved`] when the path leads nowhere in this tree.
    pub fn resolve(&self, path: &[u8]) -> Result<Resolved, Unresolved> {
        self.resolve_from(Id::ROOT, path, true)
    }

    /// Where a link leads in the end, the link itself first in [`Resolved::links`].
    ///
    /// # Errors
    /// [`Unresolved`] when it leads nowhere in this tree.
    pub fn follow(&self, link: Id) -> Result<Resolved, Unresolved> {
        if self.is_link(link) {
            self.resolve_from(self.parent(link), self.name(link), true)
        } else {
            Ok(Resolved { node: link, links: Vec::new() })
        }
    }

    /// Resolve `path` as seen from directory `base`: absolute paths and absolute link targets begin at the
    /// root, `..` stops at the root.
    ///
    /// # Errors
    /// [`Unresolved`] when the path leads nowhere in this tree.
    pub fn resolve_from(&self, base: Id, path: &[u8], follow_last: bool) -> Result<Resolved, Unresolved> {
        self.resolve_within(base, path, follow_last, MAX_LINKS).map_err(|stuck| stuck.why)
    }

    /// The same with at most so many links.
    fn resolve_within(&self, base: Id, path: &[u8], follow_last: bool, most: usize) -> Result<Resolved, Stuck> {
        let mut links = Vec::new();
        let stuck = |why, links: &Vec<Id>| Stuck { why, links: links.len() };
        let mut at = if path.first() == Some(&b'/') { Id::ROOT } else { base };
        let mut todo = path;
        while let Some((component, rest)) = next_component(todo) {
            todo = rest;
            if !self.is_dir(at) {
                return Err(stuck(Unresolved::Missing, &links));
            }
            if self.node(at).mount && at != Id::ROOT {
                return Err(stuck(Unresolved::Mount(at), &links));
            }
            match component {
                b"" | b"." => {}
                b".." => at = self.parent(at),
                name => {
                    let child = self.child(at, name).ok_or_else(|| stuck(Unresolved::Missing, &links))?;
                    let last = todo.iter().all(|&b| b == b'/');
                    if self.is_link(child) && (follow_last || !last) {
                        let found = self.follow_within(child, most - links.len());
                        let found = found.map_err(|inner| Stuck { links: links.len() + inner.links, ..inner })?;
                        links.extend(found.links);
                        at = found.node;
                    } else {
                        at = child;
                    }
                }
            }
        }
        Ok(Resolved { node: at, links })
    }

    /// Where a link leads over at most `most` links, itself included.
    fn follow_within(&self, link: Id, most: usize) -> Result<Resolved, Stuck> {
        let beyond = Stuck { why: Unresolved::Loop, links: most };
        if most == 0 {
            return Err(beyond);
        }
        match self.followed().get(&link) {
            Some(Followed::To(node, links)) if links.len() <= most => {
                return Ok(Resolved { node: *node, links: links.to_vec() });
            }
            Some(Followed::Nowhere(why, links)) if *links <= most => return Err(Stuck { why: *why, links: *links }),
            Some(Followed::To(..) | Followed::Nowhere(..)) => return Err(beyond),
            Some(Followed::Beyond(tried)) if most <= *tried => return Err(beyond),
            Some(Followed::Beyond(_)) | None => {}
        }
        let target = self.link_target(link).unwrap_or_default();
        let result = self.resolve_within(self.parent(link), target, true, most - 1);
        let (result, seen) = match result {
            Ok(Resolved { node, links }) => {
                let links: Vec<Id> = std::iter::once(link).chain(links).collect();
                let seen = Followed::To(node, links.as_slice().into());
                (Ok(Resolved { node, links }), seen)
            }
            Err(Stuck { why: Unresolved::Loop, .. }) => (Err(beyond), Followed::Beyond(most)),
            Err(Stuck { why, links }) => (Err(Stuck { why, links: links + 1 }), Followed::Nowhere(why, links + 1)),
        };
        let several = match &seen {
            Followed::To(_, links) => links.len() > 1,
            Followed::Nowhere(_, links) => *links > 1,
            Followed::Beyond(_) => true,
        };
        if several || target.len() > SHORT {
            self.followed().insert(link, seen);
        }
        result
    }

    pub(super) fn followed(&self) -> MutexGuard<'_, BTreeMap<Id, Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a path of the policy names: the entry itself, and what it leads to.
    #[must_use]
    pub fn named(&self, path: &[u8]) -> Vec<Id> {
        let mut found: Vec<Id> = self.lookup(path).into_iter().collect();
        if let Ok(target) = self.resolve(path) {
            found.extend(target.links);
            found.push(target.node);
        }
        found
    }
}

/// The next component of a path, and what follows it. A slash at the end asks for a directory: it is an empty component,
/// the last one.
fn next_component(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let Some(begin) = path.iter().position(|&b| b != b'/') else {
        return path.last().map(|_| (&b""[..], &b""[..]));
    };
    let path = path.get(begin..)?;
    Some(path.split_at(path.iter().position(|&b| b == b'/').unwrap_or(path.len())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use crate::tree::{Tree, Unresolved, fixture};

    fn resolved(tree: &Tree, path: &str) -> Result<String, Unresolved> {
        tree.resolve(path.as_bytes()).map(|found| String::from_utf8(tree.path(found.node)).unwrap())
    }

    #[test]
    fn follows_links_inside_the_root_and_names_each() {
        let tree = fixture::tree(&[
            ("/bin", "-> usr/bin"),
            ("/usr/bin/sh", "-> /bin/dash"),
            ("/usr/bin/dash", ""),
            ("/up", "-> ../../../usr"),
        ]);
        assert_eq!(resolved(&tree, "/bin/sh"), Ok("/usr/bin/dash".into()));
        assert_eq!(resolved(&tree, "/up/bin/../bin/./dash"), Ok("/usr/bin/dash".into()));
        let links: Vec<_> = tree.resolve(b"/bin/sh").unwrap().links.iter().map(|&id| tree.path(id)).collect();
        assert_eq!(links, [b"/bin".to_vec(), b"/usr/bin/sh".to_vec(), b"/bin".to_vec()]);
        assert_eq!(tree.path(tree.lookup(b"/bin/sh").unwrap()), b"/usr/bin/sh");
    }

    /// Components still to walk, the next one last. A trailing slash asks for a directory: an empty component, popped last.
    fn push_components<'a>(todo: &mut Vec<&'a [u8]>, path: &'a [u8]) {
        if path.last() == Some(&b'/') {
            todo.push(b"");
        }
        todo.extend(path.split(|&b| b == b'/').filter(|part| !part.is_empty()).rev());
    }

    /// As path_resolution(7) says it, a step at a time and nothing remembered.
    fn by_steps(tree: &Tree, base: super::Id, path: &[u8], follow_last: bool) -> Result<super::Resolved, Unresolved> {
        let mut links = Vec::new();
        let mut todo: Vec<&[u8]> = Vec::new();
        let mut at = if path.first() == Some(&b'/') { crate::tree::Id::ROOT } else { base };
        push_components(&mut todo, path);
        while let Some(component) = todo.pop() {
            if !tree.is_dir(at) {
                return Err(Unresolved::Missing);
            }
            match component {
                b"" | b"." => {}
                b".." => at = tree.parent(at),
                name => {
                    let child = tree.child(at, name).ok_or(Unresolved::Missing)?;
                    match tree.link_target(child) {
                        Some(target) if follow_last || !todo.iter().all(|rest| rest.is_empty()) => {
                            links.push(child);
                            if links.len() > super::MAX_LINKS {
                                return Err(Unresolved::Loop);
                            }
                            if target.first() == Some(&b'/') {
                                at = crate::tree::Id::ROOT;
                            }
                            push_components(&mut todo, target);
                        }
                        _ => at = child,
                    }
                }
            }
        }
        Ok(super::Resolved { node: at, links })
    }

    /// Links to links, loops, links of many parts and chains at the limit: remembered or not, the answer is the same.
    #[test]
    fn what_is_remembered_is_what_steps_find() {
        let mut seed = 7_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..300 {
            let mut entries: Vec<(String, String)> =
                vec![("/d/".into(), String::new()), ("/d/e/".into(), String::new())];
            let number = 2 + random(60);
            for n in 0..number {
                let above = ["", "/d", "/d/e"][usize::try_from(random(3)).unwrap()];
                let mut target = String::new();
                for _ in 0..=random(4) {
                    let part = match random(9) {
                        0 => "..".to_owned(),
                        1 => "d".to_owned(),
                        2 => "e".to_owned(),
                        3 => "d/../".repeat(usize::try_from(random(80)).unwrap()) + ".",
                        4 => "/d/e".to_owned(),
                        // A long chain most of the time.
                        _ => format!("l{}", if random(4) == 0 { random(number) } else { (n + 1) % number }),
                    };
                    target += if target.is_empty() { "" } else { "/" };
                    target += &part;
                }
                entries.push((format!("{above}/l{n}"), format!("-> {target}")));
            }
            let entries: Vec<(&str, &str)> =
                entries.iter().map(|(path, what)| (path.as_str(), what.as_str())).collect();
            let tree = fixture::tree(&entries);
            for id in tree.ids().chain(tree.ids()) {
                let path = tree.path(id);
                for (path, last) in
                    [(path.clone(), true), (path.clone(), false), ([&path[..], b"/../l1"].concat(), true)]
                {
                    assert_eq!(
                        tree.resolve_from(crate::tree::Id::ROOT, &path, last),
                        by_steps(&tree, crate::tree::Id::ROOT, &path, last)
                    );
                }
            }
        }
    }

    /// Every chain of exactly the limit leads somewhere and every longer one is a loop, whichever end is asked first.
    #[test]
    fn the_limit_counts_links_of_the_whole_way() {
        let names: Vec<(String, String)> = (0..50).map(|n| (format!("/l{n}"), format!("-> l{}", n + 1))).collect();
        let mut entries: Vec<(&str, &str)> = names.iter().map(|(path, what)| (path.as_str(), what.as_str())).collect();
        entries.push(("/l50", ""));
        for order in [(0..51).collect::<Vec<u32>>(), (0..51).rev().collect()] {
            let tree = fixture::tree(&entries);
            for n in order {
                let found = resolved(&tree, &format!("/l{n}"));
                assert_eq!(found, if n >= 10 { Ok("/l50".into()) } else { Err(Unresolved::Loop) }, "l{n}");
            }
        }
    }

    #[test]
    fn says_why_a_path_leads_nowhere() {
        let tree = fixture::tree(&[("/a", "-> b"), ("/b", "-> a"), ("/file", ""), ("/d/", "")]);
        assert_eq!(resolved(&tree, "/a"), Err(Unresolved::Loop));
        assert_eq!(resolved(&tree, "/none"), Err(Unresolved::Missing));
        assert_eq!(resolved(&tree, "/file/x"), Err(Unresolved::Missing));
        assert_eq!(resolved(&tree, "/file/"), Err(Unresolved::Missing));
        assert_eq!(resolved(&tree, "/d/"), Ok("/d".into()));
        assert_eq!(resolved(&tree, "/../.."), Ok("/".into()));
    }
}
