//! No call is answered with another one's value: what keys are made of.

use std::collections::HashSet;
use std::sync::LazyLock;

use polycache::functions::CachedCall;
use polycache::{Cache, cached};
use serde::{Deserialize, Serialize};

static CACHE: LazyLock<Cache> = LazyLock::new(Cache::memory);

#[cached(cache = CACHE)]
async fn joined(a: &str, b: &str) -> String {
    format!("{a}|{b}")
}

#[cached(cache = CACHE)]
async fn optional(a: Option<Option<f64>>) -> String {
    format!("{a:?}")
}

mod other {
    use super::CACHE;

    #[polycache::cached(cache = CACHE)]
    pub(super) async fn joined(a: &str, b: &str) -> String {
        format!("other {a}|{b}")
    }
}

#[tokio::test]
async fn by_default_arguments_are_told_apart() {
    assert_eq!(joined("a", "bc").await, "a|bc");
    assert_eq!(joined("ab", "c").await, "ab|c");
    assert_eq!(joined("a\",\"b", "c").await, "a\",\"b|c");
    assert_eq!(other::joined("a", "bc").await, "other a|bc");
    let all = [None, Some(None), Some(Some(f64::NAN)), Some(Some(f64::INFINITY)), Some(Some(0.0)), Some(Some(-0.0))];
    for (n, value) in all.iter().enumerate() {
        assert_eq!(optional(*value).await, format!("{value:?}"), "{n}");
    }
    assert_eq!(joined("x", "y").key().unwrap(), r#"functions::keys::joined("x","y")"#);
}

#[cached(cache = CACHE)]
async fn typed<T: Serialize + Send + Sync + std::fmt::Debug>(value: T) -> String {
    format!("{} {value:?}", std::any::type_name::<T>())
}

#[tokio::test]
async fn types_are_told_apart() {
    assert_eq!(typed(1_u8).await, "u8 1");
    assert_eq!(typed(1_i64).await, "i64 1");
}

#[derive(Serialize)]
struct Repository<T> {
    tenant: u32,
    #[serde(skip)]
    kind: std::marker::PhantomData<T>,
}

impl<T: Sync> Repository<T> {
    const fn of(tenant: u32) -> Self {
        Self { tenant, kind: std::marker::PhantomData }
    }

    #[cached(cache = CACHE)]
    async fn owned(&self, id: u32) -> String {
        format!("{} {}/{id}", std::any::type_name::<T>(), self.tenant)
    }

    #[cached(cache = CACHE, noself)]
    async fn shared(&self, id: u32) -> String {
        format!("{} {}/{id}", std::any::type_name::<T>(), self.tenant)
    }

    #[cached(cache = CACHE, key = "{self.tenant}/{id:03}")]
    async fn formatted(&self, id: u32) -> u32 {
        self.tenant * 1000 + id
    }

    #[cached(cache = CACHE)]
    async fn associated() -> String {
        std::any::type_name::<T>().to_owned()
    }
}

#[tokio::test]
async fn methods_have_self_in_the_key_unless_told_otherwise() {
    let (one, two) = (Repository::<u8>::of(1), Repository::<u8>::of(2));
    assert_eq!(one.owned(7).await, "u8 1/7");
    assert_eq!(two.owned(7).await, "u8 2/7");
    assert_eq!(Repository::<i8>::of(1).owned(7).await, "i8 1/7");

    assert_eq!(one.shared(7).await, "u8 1/7");
    assert_eq!(two.shared(7).await, "u8 1/7");
    assert_eq!(Repository::<i8>::of(1).shared(7).await, "i8 1/7");

    assert_eq!(one.formatted(7).key().unwrap(), "1/007");
    assert_eq!(two.formatted(7).await, 2007);

    assert_eq!(Repository::<u8>::associated().await, "u8");
    assert_eq!(Repository::<i8>::associated().await, "i8");
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
}

#[cached(cache = CACHE, key = "{{user}}:{user.id}:{user.name:?}", skip_if = |_| true)]
async fn fields(user: &User) -> u64 {
    user.id
}

#[tokio::test]
async fn a_template_reads_fields() {
    let user = User { id: 7, name: "Ada".to_owned() };
    assert_eq!(fields(&user).key().unwrap(), r#"{user}:7:"Ada""#);
    assert_eq!(fields(&user).await, 7);
}

fn of_both(user: &User, more: &[u8]) -> String {
    format!("{}+{}", user.id, more.len())
}

#[cached(cache = CACHE, key_builder = of_both)]
async fn built(user: &User, more: &[u8]) -> usize {
    user.name.len() + more.len()
}

#[cached(cache = CACHE, key_builder = |n: &u64, (a, b): &(u8, u8)| n + u64::from(a + b))]
async fn closed(n: u64, (a, mut b): (u8, u8)) -> u64 {
    b += a;
    n + u64::from(b)
}

#[cached(cache = CACHE, key_builder = |user, more, text| format!("{}{}{}", user.name.len(), more.first().map_or(0, |n| *n), text.len()))]
async fn inferred(user: User, more: &[u8], text: &mut String) -> usize {
    text.push('!');
    user.name.len() + more.len()
}

#[cached(cache = CACHE, key_builder = |item, (n, _)| format!("{:?}{n}", Debug::type_id(item)), skip(db))]
async fn inferred_of_a_generic<T: Debug + Send + Sync>(item: &T, db: NotInTheKey, pair: (u8, u8)) -> String {
    let NotInTheKey(more) = db;
    format!("{item:?}{more}{}", pair.1)
}

/// Says what is asked of a generic argument.
trait Debug: std::fmt::Debug {
    fn type_id(&self) -> String {
        format!("{self:?}")
    }
}

impl Debug for u8 {}

#[polycache::multi_cached(cache = CACHE, keys = ids, key_builder = |ids, tenant| ids.abs() + i64::from(*tenant))]
async fn inferred_of_many(ids: &[i64], tenant: u8) -> Vec<(i64, u8)> {
    ids.iter().map(|id| (*id, tenant)).collect()
}

#[tokio::test]
async fn a_closure_need_not_say_what_it_is_given() {
    let user = User { id: 7, name: "Ada".to_owned() };
    assert_eq!(inferred(user, &[5], &mut "xy".to_owned()).key().unwrap(), "352");
    assert_eq!(inferred_of_a_generic(&1_u8, NotInTheKey(2), (3, 4)).key().unwrap(), "\"1\"3");
    assert_eq!(inferred_of_a_generic(&1_u8, NotInTheKey(2), (3, 4)).await, "124");
    assert_eq!(inferred_of_many(&[-7], 1).keys().unwrap(), ["8"]);
}

/// Serde doesn't know it.
#[derive(Clone)]
struct NotInTheKey(u8);

#[cached(cache = CACHE, skip(db, request))]
async fn skipping(db: &NotInTheKey, id: u64, request: NotInTheKey) -> String {
    format!("{}/{id}/{}", db.0, request.0)
}

#[polycache::multi_cached(cache = CACHE, keys = ids, skip(db))]
async fn skipping_of_many(db: &NotInTheKey, ids: &[u64]) -> Vec<(u64, u8)> {
    ids.iter().map(|id| (*id, db.0)).collect()
}

impl NotInTheKey {
    #[cached(cache = CACHE, noself, skip(other))]
    async fn method(&self, id: u64, other: &Self) -> String {
        format!("{}/{id}/{}", self.0, other.0)
    }
}

#[tokio::test]
async fn arguments_that_are_skipped_are_no_part_of_the_key() {
    let (one, two) = (NotInTheKey(1), NotInTheKey(2));
    assert_eq!(skipping(&one, 7, NotInTheKey(1)).key().unwrap(), "functions::keys::skipping(7)");
    assert_eq!(skipping(&one, 7, NotInTheKey(1)).await, "1/7/1");
    assert_eq!(skipping(&two, 7, NotInTheKey(2)).await, "1/7/1");
    assert_eq!(skipping(&two, 8, NotInTheKey(2)).await, "2/8/2");
    assert_eq!(skipping_of_many(&one, &[7]).keys().unwrap(), ["functions::keys::skipping_of_many::{{closure}}(7)"]);
    assert_eq!(one.method(7, &two).await, "1/7/2");
    assert_eq!(two.method(7, &one).await, "1/7/2");
}

#[tokio::test]
async fn a_builder_makes_the_key_of_references() {
    let user = User { id: 7, name: "Ada".to_owned() };
    assert_eq!(built(&user, &[1, 2]).key().unwrap(), "7+2");
    assert_eq!(built(&user, &[1, 2]).await, 5);
    assert_eq!(closed(1, (2, 3)).key().unwrap(), "6");
    assert_eq!(closed(1, (2, 3)).await, 6);
}

#[cached(cache = CACHE)]
#[allow(clippy::too_many_arguments, reason = "there is no bound on them")]
async fn many(
    a: u8,
    b: u8,
    c: u8,
    d: u8,
    e: u8,
    f: u8,
    g: u8,
    h: u8,
    i: u8,
    j: u8,
    k: u8,
    l: u8,
    m: u8,
    n: u8,
    o: u8,
    p: u8,
    q: u8,
) -> u64 {
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q].iter().map(|n| u64::from(*n)).sum()
}

#[tokio::test]
async fn any_number_of_arguments_makes_a_key() {
    let mut keys = HashSet::new();
    for last in 0..3 {
        let call = many(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, last);
        keys.insert(call.key().unwrap().to_owned());
        assert_eq!(call.await, 16 + u64::from(last));
    }
    assert_eq!(keys.len(), 3);
}

struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not today"))
    }
}

#[cached(cache = CACHE)]
async fn unwritable(of: Unwritable, n: u8) -> u8 {
    let Unwritable = of;
    n
}

#[tokio::test]
async fn an_argument_that_serde_refuses_makes_no_key_and_the_function_runs() {
    assert_eq!(unwritable(Unwritable, 1).await, 1);
    assert_eq!(unwritable(Unwritable, 2).await, 2);
    let error = unwritable(Unwritable, 3).key().unwrap_err();
    assert_eq!(error.kind(), polycache::ErrorKind::InvalidInput);
}

/// Lifetimes of arguments reach the call.
fn borrowed<'a>(
    user: &'a User,
    name: &'a str,
) -> CachedCall<polycache::functions::Whole<usize>, impl Future<Output = usize> + 'a> {
    #[cached(cache = CACHE, key = "{user.id}{name}")]
    async fn length<'a>(user: &'a User, name: &'a str) -> usize {
        user.name.len() + name.len()
    }
    length(user, name)
}

#[tokio::test]
async fn a_call_borrows_its_arguments() {
    let user = User { id: 1, name: "Ada".to_owned() };
    assert_eq!(borrowed(&user, "!").await, 4);
}
