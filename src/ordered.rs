//! Maps and sets of the standard library, filled one by one. `collect` sorts what it gets, with a sort of its own for each
//! type: 5 KB of the program each, where it gains nothing on the few entries that these have.

use std::collections::{BTreeMap, BTreeSet};

/// As `collect`: of two entries with the same key the later one stays.
pub(crate) fn map<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(entries);
    map
}

/// As `collect`.
pub(crate) fn set<T: Ord>(entries: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    set.extend(entries);
    set
}
