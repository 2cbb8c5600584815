//! Whatever is done to them, maps and sets answer as the standard library's do.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Map, Set};

/// Something that is done to a map.
#[derive(Debug, Clone)]
enum Step {
    Insert(u16, u32),
    Remove(u16),
    Pop,
    Count(u16),
    Raise(u16),
    Retain(u16),
    RaiseAll,
    Append(Vec<(u16, u32)>),
}

fn step(keys: u16) -> impl Strategy<Value = Step> {
    let key = 0..keys;
    prop_oneof![
        40 => (key.clone(), any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
        20 => key.clone().prop_map(Step::Remove),
        3 => Just(Step::Pop),
        10 => key.clone().prop_map(Step::Count),
        10 => key.clone().prop_map(Step::Raise),
        1 => (1u16..50).prop_map(Step::Retain),
        1 => Just(Step::RaiseAll),
        3 => prop::collection::vec((key, any::<u32>()), 0..700).prop_map(Step::Append),
    ]
}

fn run(map: &mut Map<u16, u32>, model: &mut BTreeMap<u16, u32>, step: Step) -> Result<(), TestCaseError> {
    match step {
        Step::Insert(key, value) => prop_assert_eq!(map.insert(key, value), model.insert(key, value)),
        Step::Remove(key) => prop_assert_eq!(map.remove(&key), model.remove(&key)),
        Step::Pop => prop_assert_eq!(map.pop_first(), model.pop_first()),
        Step::Count(key) => {
            *map.entry(key).and_modify(|count| *count = count.wrapping_add(1)).or_default() |= 1;
            *model.entry(key).and_modify(|count| *count = count.wrapping_add(1)).or_default() |= 1;
        }
        Step::Raise(key) => {
            prop_assert_eq!(
                map.get_mut(&key).map(|value| {
                    *value |= 2;
                    *value
                }),
                model.get_mut(&key).map(|value| {
                    *value |= 2;
                    *value
                })
            );
        }
        Step::Retain(by) => {
            map.retain(|key, value| key % by != 0 && *value % 7 != 0);
            model.retain(|key, value| key % by != 0 && *value % 7 != 0);
        }
        Step::RaiseAll => {
            for (at, value) in map.values_mut().enumerate() {
                *value = value.wrapping_add(at as u32);
            }
            for (at, value) in model.values_mut().enumerate() {
                *value = value.wrapping_add(at as u32);
            }
        }
        Step::Append(items) => {
            map.extend(items.clone());
            model.extend(items);
        }
    }
    prop_assert_eq!(map.len(), model.len());
    prop_assert!(map.order.is_sound(map.len()), "the order is not one of the entries");
    Ok(())
}

proptest! {
    #[test]
    fn a_map_answers_as_the_standard_librarys(
        keys in prop_oneof![Just(20u16), Just(3000)],
        seed in prop::collection::vec(step(3000), 0..60),
        probes in prop::collection::vec(0u16..3000, 20),
    ) {
        let (mut map, mut model) = (Map::new(), BTreeMap::new());
        let within = |step| match step {
            Step::Insert(key, value) => Step::Insert(key % keys, value),
            Step::Remove(key) => Step::Remove(key % keys),
            Step::Count(key) => Step::Count(key % keys),
            Step::Raise(key) => Step::Raise(key % keys),
            other => other,
        };
        for step in seed.into_iter().map(within) {
            run(&mut map, &mut model, step)?;
        }
        for key in probes {
            prop_assert_eq!(map.get(&key), model.get(&key));
            prop_assert_eq!(map.contains_key(&key), model.contains_key(&key));
            prop_assert!(map.range_from(&key).eq(model.range(key..)));
            prop_assert!(map.range_from(&key).rev().eq(model.range(key..).rev()));
        }
        prop_assert!(map.iter().eq(model.iter()));
        prop_assert!(map.iter().rev().eq(model.iter().rev()));
        prop_assert!(map.keys().eq(model.keys()));
        prop_assert!(map.values().eq(model.values()));
        prop_assert_eq!(format!("{map:?}"), format!("{model:?}"));
        prop_assert_eq!(&map, &map.clone());
        prop_assert_eq!(&map, &model.clone().into_iter().rev().collect());
        let first = map.keys().next().copied();
        if let Some(first) = first {
            let mut other = map.clone();
            other.remove(&first);
            prop_assert_ne!(&map, &other);
        }
        prop_assert!(map.into_iter().eq(model));
    }

    #[test]
    fn a_set_answers_as_the_standard_librarys(names in prop::collection::vec("[ab]{0,9}", 0..1500), probe in "[ab]{0,9}") {
        let (mut set, mut model) = (Set::new(), BTreeSet::new());
        for name in &names {
            prop_assert_eq!(set.insert(name.clone()), model.insert(name.clone()));
        }
        prop_assert_eq!(set.contains(probe.as_str()), model.contains(probe.as_str()));
        prop_assert_eq!(set.remove(probe.as_str()), model.remove(probe.as_str()));
        prop_assert_eq!((set.first(), set.last()), (model.first(), model.last()));
        prop_assert!(set.iter().eq(&model));
        set.retain(|name| name.len() != 3);
        model.retain(|name| name.len() != 3);
        prop_assert_eq!(format!("{set:?}"), format!("{model:?}"));
        prop_assert_eq!(set.pop_first(), model.pop_first());
        prop_assert!(set.into_iter().eq(model));
    }
}

/// Filled in order, backwards and from the middle: what comes last decides where chunks are split.
#[test]
fn any_way_to_fill_it() {
    let count = 5000u32;
    let forwards: Vec<u32> = (0..count).collect();
    let backwards: Vec<u32> = (0..count).rev().collect();
    let inwards: Vec<u32> = (0..count).map(|at| if at % 2 == 0 { at / 2 } else { count - 1 - at / 2 }).collect();
    let strewn: Vec<u32> = (0..count).map(|at| at * 2741 % count).collect();
    for way in [&forwards, &backwards, &inwards, &strewn] {
        let mut map: Map<u32, u32> = way.iter().map(|&key| (key, !key)).collect();
        assert!(map.order.is_sound(5000));
        assert!(map.iter().map(|(&key, &value)| (key, !value)).eq((0..count).map(|key| (key, key))));
        for key in way.iter().rev().take(4990) {
            assert_eq!(map.remove(key), Some(!key));
        }
        assert!(map.order.is_sound(10));
        assert!(map.keys().is_sorted());
    }
}
