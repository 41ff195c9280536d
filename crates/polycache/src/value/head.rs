//! The head of a value.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use super::varint;

/// The head of a value tells when it was computed, what that cost, its tags, an `ETag`, its grace. Each may be missing.
///
/// A value gets a head by [`Value::with_head`](crate::Value::with_head), and every backend keeps it: memory beside the value, a server in
/// front of its bytes, in the form that the guide's chapter on the format describes. A value without a head is stored as it is.
///
/// A head takes about ten bytes, and eight and its name for each tag. It is kept as it is stored; reading it allocates nothing.
///
/// ```
/// use polycache::{Head, Value};
/// use std::time::{Duration, SystemTime};
///
/// let head = Head::new()
///     .with_born(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123))
///     .with_cost(Duration::from_micros(250))
///     .with_etag("v7")
///     .with_tag("product:7", 12)
///     .with_tag("shop", 3);
/// let value = Value::bytes(*b"[1,2]").with_head(&head);
///
/// assert_eq!(value.as_bytes(), Some(&b"[1,2]"[..]));
/// let head = value.head().expect("given above");
/// assert_eq!((head.cost(), head.etag()), (Some(Duration::from_micros(250)), Some("v7")));
/// assert!(head.tags().eq([("product:7", 12), ("shop", 3)]));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Head<'a>(
    /// Flags, then the fields that they announce; empty without fields. Always well-formed.
    Cow<'a, [u8]>,
);

const BORN: u8 = 1;
const COST: u8 = 2;
const ETAG: u8 = 4;
const TAGS: u8 = 8;
const GRACE: u8 = 16;
const RESTS: u8 = 32;
const EARLY: u8 = 64;
const KNOWN: u8 = BORN | COST | ETAG | TAGS | GRACE | RESTS | EARLY;

/// The fields, and their places in the bytes.
struct Fields<'a> {
    born: Option<u64>,
    cost: Option<u64>,
    etag: Option<&'a str>,
    grace: Option<u64>,
    rests: Option<u64>,
    early: Option<u64>,
    tags: &'a [u8],
    places: [Range<usize>; 6],
}

impl<'a> Head<'a> {
    /// A head without fields, which is as good as none.
    #[must_use]
    pub const fn new() -> Self {
        Self(Cow::Borrowed(&[]))
    }

    /// When the value was computed, by the wall clock, to the millisecond. A time before 1970 counts as the beginning of 1970.
    #[must_use]
    pub fn with_born(self, born: SystemTime) -> Self {
        let born = born.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.with(BORN, 0, |out| varint::write(whole(born.as_millis()), out))
    }

    /// How long it took to compute the value, rounded up to a microsecond.
    #[must_use]
    pub fn with_cost(self, cost: Duration) -> Self {
        self.with(COST, 1, |out| varint::write(whole(cost.as_nanos().div_ceil(1_000)), out))
    }

    /// A text that tells this version of the value from others, for HTTP.
    #[must_use]
    pub fn with_etag(self, etag: &str) -> Self {
        self.with(ETAG, 2, |out| write_text(etag, out))
    }

    /// For how long the entry stays after its TTL, rounded up to a millisecond: while no more than that is left of its life it is stale,
    /// and commands don't find it. A cache with a [grace](crate::CacheBuilder::grace) gives it.
    #[must_use]
    pub fn with_grace(self, grace: Duration) -> Self {
        self.with(GRACE, 3, |out| varint::write(millis(grace), out))
    }

    /// That the source of a stale value has failed, and isn't asked again while more than this is left of the entry's life. Rounded up to a
    /// millisecond.
    #[must_use]
    pub fn with_rests(self, rests: Duration) -> Self {
        self.with(RESTS, 4, |out| varint::write(millis(rests), out))
    }

    /// That the entry is refreshed early: as soon as somebody asks for it while no more than this is left of its life. Rounded up to a
    /// millisecond. A cache that [refreshes early](crate::CacheBuilder::refresh_early) gives it.
    #[must_use]
    pub fn with_early(self, early: Duration) -> Self {
        self.with(EARLY, 5, |out| varint::write(millis(early), out))
    }

    /// One more tag, with the generation that it had when the computation began.
    #[must_use]
    pub fn with_tag(self, name: &str, generation: u64) -> Self {
        let mut bytes = self.0.into_owned();
        if bytes.is_empty() {
            bytes.push(0);
        }
        bytes[0] |= TAGS;
        write_text(name, &mut bytes);
        varint::write(generation, &mut bytes);
        Self(Cow::Owned(bytes))
    }

    /// When the value was computed, by the wall clock of the machine that computed it.
    #[must_use]
    pub fn born(&self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(self.fields()?.born?))
    }

    /// How long it took to compute the value.
    #[must_use]
    pub fn cost(&self) -> Option<Duration> {
        self.fields()?.cost.map(Duration::from_micros)
    }

    /// The text that tells this version of the value from others, for HTTP.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.fields()?.etag
    }

    /// For how long the entry stays after its TTL.
    #[must_use]
    #[inline]
    pub fn grace(&self) -> Option<Duration> {
        // Most heads begin with it, and each hit of an entry with a grace asks.
        let grace = match self.0.split_first()? {
            (flags, _) if flags & GRACE == 0 => return None,
            (flags, rest) if flags & (BORN | COST | ETAG) == 0 => varint::read(rest)?.0,
            _ => self.fields()?.grace?,
        };
        Some(Duration::from_millis(grace))
    }

    /// How much of a stale entry's life is left when its source is to be asked again.
    #[must_use]
    pub fn rests(&self) -> Option<Duration> {
        self.fields()?.rests.map(Duration::from_millis)
    }

    /// How much of the entry's life is left when it is to be refreshed early.
    #[must_use]
    pub fn early(&self) -> Option<Duration> {
        if self.0.first()? & EARLY == 0 {
            return None;
        }
        self.fields()?.early.map(Duration::from_millis)
    }

    /// The tags, in the order they were given, each with the generation that it had when the computation began.
    pub fn tags(&self) -> impl Iterator<Item = (&str, u64)> {
        let mut rest = self.fields().map_or(&[][..], |fields| fields.tags);
        std::iter::from_fn(move || {
            let (name, after) = read_text(rest)?;
            let (generation, after) = varint::read(after)?;
            rest = after;
            Some((name, generation))
        })
    }

    /// The lowest and the highest generation of the tags, if there are any. Each hit of an entry with tags asks.
    pub(crate) fn generations(&self) -> Option<(u64, u64)> {
        let mut rest = self.tag_bytes()?;
        let mut generations = (u64::MAX, 0);
        while !rest.is_empty() {
            let (len, after) = varint::read(rest)?;
            let (generation, after) = varint::read(after.get(usize::try_from(len).ok()?..)?)?;
            generations = (generations.0.min(generation), generations.1.max(generation));
            rest = after;
        }
        Some(generations)
    }

    /// The bytes of the tags, if there are any.
    fn tag_bytes(&self) -> Option<&[u8]> {
        let (flags, mut rest) = self.0.split_first()?;
        if flags & TAGS == 0 {
            return None;
        }
        if flags & ETAG != 0 {
            return self.fields().map(|fields| fields.tags);
        }
        // All other fields are numbers.
        for _ in 0..(flags & !TAGS).count_ones() {
            rest = varint::read(rest)?.1;
        }
        Some(rest)
    }

    /// Whether there are tags.
    pub(crate) fn is_tagged(&self) -> bool {
        self.0.first().is_some_and(|flags| flags & TAGS != 0)
    }

    /// All but what belongs to an entry: the grace, what goes with it, the tags.
    pub(crate) fn without_entry(&self) -> Head<'static> {
        let mut head = Head::new();
        if let Some(born) = self.born() {
            head = head.with_born(born);
        }
        if let Some(cost) = self.cost() {
            head = head.with_cost(cost);
        }
        if let Some(etag) = self.etag() {
            head = head.with_etag(etag);
        }
        head
    }

    /// Whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same head, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Head<'static> {
        Head(Cow::Owned(self.0.into_owned()))
    }

    /// A head from the bytes of [`as_bytes`](Self::as_bytes); `None` if they aren't well-formed.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Fields::read(bytes)?.tags;
        while !rest.is_empty() {
            let (_, generation) = read_text(rest)?;
            rest = varint::read(generation)?.1;
        }
        Some(Self(Cow::Borrowed(bytes)))
    }

    /// A head from bytes that were checked before.
    pub(super) const fn known(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn fields(&self) -> Option<Fields<'_>> {
        Fields::read(&self.0)
    }

    /// The head with a field that `write` writes, in place of the present one.
    fn with(self, flag: u8, place: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let place = self.fields().map_or(1..1, |fields| fields.places[place].clone());
        let mut field = Vec::new();
        write(&mut field);
        let mut bytes = self.0.into_owned();
        if bytes.is_empty() {
            bytes.push(0);
        }
        bytes[0] |= flag;
        bytes.splice(place, field);
        Self(Cow::Owned(bytes))
    }
}

impl<'a> Fields<'a> {
    /// All fields but the tags, which are the rest of the bytes. A head without fields is never written, so it is refused.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (flags, mut rest) = bytes.split_first()?;
        if *flags == 0 || flags & !KNOWN != 0 {
            return None;
        }
        let at = |rest: &[u8]| bytes.len() - rest.len();
        let number = |flag: u8, rest: &mut &'a [u8]| -> Option<Option<u64>> {
            if flags & flag == 0 {
                return Some(None);
            }
            let (number, after) = varint::read(rest)?;
            *rest = after;
            Some(Some(number))
        };
        let begin = at(rest);
        let born = number(BORN, &mut rest)?;
        let after_born = at(rest);
        let cost = number(COST, &mut rest)?;
        let after_cost = at(rest);
        let mut etag = None;
        if flags & ETAG != 0 {
            let (text, after) = read_text(rest)?;
            (etag, rest) = (Some(text), after);
        }
        let after_etag = at(rest);
        let grace = number(GRACE, &mut rest)?;
        let after_grace = at(rest);
        let rests = number(RESTS, &mut rest)?;
        let after_rests = at(rest);
        let early = number(EARLY, &mut rest)?;
        if (flags & TAGS == 0) != rest.is_empty() {
            return None;
        }
        let places = [
            begin..after_born,
            after_born..after_cost,
            after_cost..after_etag,
            after_etag..after_grace,
            after_grace..after_rests,
            after_rests..at(rest),
        ];
        Some(Self { born, cost, etag, grace, rests, early, tags: rest, places })
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    varint::write(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// The text at the front of `bytes`, and the bytes after it.
fn read_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = varint::read(bytes)?;
    let (text, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

fn millis(duration: Duration) -> u64 {
    whole(duration.as_nanos().div_ceil(1_000_000))
}

fn whole(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("born", &self.born())
            .field("cost", &self.cost())
            .field("etag", &self.etag())
            .field("grace", &self.grace())
            .field("rests", &self.rests())
            .field("early", &self.early())
            .field("tags", &self.tags().collect::<Vec<_>>())
            .finish()
    }
}
