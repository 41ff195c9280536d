//! What is nested: it is read back, or refused when it is written.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cells::{Outcome, caches, outcome};
use crate::types::Nest;

const TOO_DEEP: &str = "is nested deeper than 12";

/// Wraps a value into one more level.
type Level = fn(Nest) -> Nest;

fn nest(depth: usize, level: Level) -> Nest {
    (0..depth).fold(Nest::End, |inner, _| level(inner))
}

/// What is written is read back, at each depth and in every form of nesting; what isn't is refused with the reason.
#[tokio::test]
async fn what_is_nested_too_deep_to_be_read_is_refused_when_it_is_written() {
    let levels: [(Level, usize); 4] = [
        (|inner| Nest::List(vec![inner]), 2),
        (|inner| Nest::Variant(Box::new(inner)), 1),
        (|inner| Nest::Fields { next: Box::new(inner) }, 2),
        (|inner| Nest::Map(BTreeMap::from([("k".to_owned(), inner)])), 2),
    ];
    for (level, each) in levels {
        for (place, (cache, most)) in caches().iter().zip([usize::MAX, 127, 128, 128, 127]).enumerate() {
            for depth in [1, 60, 62, 63, 64, 65, 126, 127, 128, 129, 300] {
                let value = nest(depth, level);
                match outcome(cache, place == 4, &value).await {
                    Outcome::Same | Outcome::AsText => assert!(depth * each <= most, "{place}: {depth}"),
                    Outcome::Refused(reason) => {
                        assert!(depth * each > most && reason.contains(TOO_DEEP), "{place}: {depth}: {reason}");
                    }
                    other => panic!("{place}: {depth}: {other:?}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_value_of_any_depth_is_refused_on_the_way_down() {
    let lists = (0..400).fold(json!([]), |inner, _| json!([inner]));
    for cache in &caches()[1..] {
        assert!(matches!(outcome(cache, false, &lists).await, Outcome::Refused(_)));
    }
}
