//! A value for some entries of a tree, in their order: a number for each entry and the values side by side take half of the
//! memory that a map takes when a rule changes every entry of a million-entry tree.

use crate::tree::Id;

/// Values by [`Id`].
#[derive(Debug, Clone)]
pub(crate) struct IdMap<T> {
    /// Where the value of each entry stands, counted from 1; 0 where it has none.
    places: Vec<u32>,
    /// Those of removed entries among them.
    values: Vec<T>,
    len: usize,
}

impl<T> Default for IdMap<T> {
    fn default() -> Self {
        Self { places: Vec::new(), values: Vec::new(), len: 0 }
    }
}

impl<T: Copy> IdMap<T> {
    /// The value of an entry.
    pub(crate) fn get(&self, id: Id) -> Option<T> {
        let place = self.places.get(id.index()).copied()?;
        self.values.get((place as usize).checked_sub(1)?).copied()
    }

    /// Give an entry a value, in the place of the one that it has.
    pub(crate) fn insert(&mut self, id: Id, value: T) {
        if self.places.len() <= id.index() {
            self.places.resize(id.index() + 1, 0);
        }
        let Some(place) = self.places.get_mut(id.index()) else { return };
        match (*place as usize).checked_sub(1).and_then(|at| self.values.get_mut(at)) {
            Some(known) => *known = value,
            None => {
                self.values.push(value);
                // There are fewer entries, each with one value.
                *place = u32::try_from(self.values.len()).unwrap_or_default();
                self.len += 1;
            }
        }
    }

    /// Take the value of an entry away.
    pub(crate) fn remove(&mut self, id: Id) -> Option<T> {
        let value = self.get(id)?;
        if let Some(place) = self.places.get_mut(id.index()) {
            *place = 0;
            self.len -= 1;
        }
        Some(value)
    }

    /// How many entries have a value.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Every entry that has a value, in the tree's order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id, T)> + '_ {
        let ids = (0..u32::try_from(self.places.len()).unwrap_or(u32::MAX)).map(Id);
        ids.filter_map(|id| Some((id, self.get(id)?)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::IdMap;
    use crate::tree::Id;

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds(calls in proptest::collection::vec((0_u32..50, any::<u8>(), any::<bool>()), 0..200)) {
            let (mut map, mut expected) = (IdMap::default(), BTreeMap::new());
            for (id, value, removes) in calls {
                if removes {
                    prop_assert_eq!(map.remove(Id(id)), expected.remove(&Id(id)));
                } else {
                    map.insert(Id(id), value);
                    expected.insert(Id(id), value);
                }
                prop_assert_eq!(map.get(Id(id)), expected.get(&Id(id)).copied());
                prop_assert_eq!(map.len(), expected.len());
            }
            prop_assert_eq!(map.iter().collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
