//! The near caches of other processes.

use std::sync::Arc;

use super::tier::{Lives, Tier};
use crate::Result;
#[cfg(feature = "config")]
use crate::Secret;
#[cfg(feature = "redis")]
use crate::backend::Gap;
use crate::backend::Tracker;
#[cfg(feature = "redis")]
use crate::backends::redis::{Channel, Redis};
#[cfg(all(feature = "config", not(feature = "redis")))]
use crate::{Error, ErrorKind};

/// How a near cache and those of other processes are to hear of each other's writes.
#[derive(Debug, Clone, Default)]
pub(super) enum Bus {
    #[default]
    None,
    /// The program's own: this one hears of the writes.
    Tracker(Arc<dyn Tracker>),
    #[cfg(feature = "redis")]
    Redis(Redis),
}

/// How they do.
#[derive(Debug, Clone)]
pub(super) enum Others {
    None,
    Tracker(Arc<dyn Tracker>),
    #[cfg(feature = "redis")]
    Channel(Arc<Channel>),
}

impl Bus {
    /// The Redis at this URL.
    #[cfg(all(feature = "config", feature = "redis"))]
    pub(super) fn at(url: &Secret) -> Result<Self> {
        Redis::open(url.reveal()).map(Self::Redis)
    }

    #[cfg(all(feature = "config", not(feature = "redis")))]
    pub(super) fn at(_: &Secret) -> Result<Self> {
        Err(Error::new(ErrorKind::Config, "it needs the feature `redis` of polycache"))
    }

    /// What others say goes to `tier`, where values are kept for `lives` while they are heard.
    #[cfg_attr(not(feature = "redis"), allow(unused_variables, reason = "for a channel"))]
    pub(super) fn join(&self, tier: &Arc<Tier>, lives: Lives) -> Result<Others> {
        Ok(match self {
            Self::None => Others::None,
            Self::Tracker(told) => Others::Tracker(Arc::clone(told)),
            #[cfg(feature = "redis")]
            Self::Redis(redis) => {
                let hearing = Arc::new(Hearing { tier: Arc::clone(tier), lives });
                Others::Channel(Arc::new(redis.channel(hearing)?))
            }
        })
    }
}

/// What is heard on a channel, and whether anything is.
#[cfg(feature = "redis")]
#[derive(Debug)]
struct Hearing {
    tier: Arc<Tier>,
    lives: Lives,
}

#[cfg(feature = "redis")]
impl Tracker for Hearing {
    fn changed(&self, key: &[u8]) {
        self.tier.changed(key);
    }

    fn lost(&self, gap: Gap<'_>) {
        self.tier.lost(gap);
        match gap {
            Gap::Joined { .. } => self.tier.tell_bound(self.lives),
            Gap::Disconnected { .. } => self.tier.tell_bound(self.lives.unheard()),
            _ => {}
        }
    }
}

impl Others {
    /// Who hears of each write.
    pub(super) fn told(&self) -> Option<Arc<dyn Tracker>> {
        match self {
            Self::None => None,
            Self::Tracker(told) => Some(Arc::clone(told)),
            #[cfg(feature = "redis")]
            Self::Channel(channel) => Some(Arc::clone(channel) as Arc<dyn Tracker>),
        }
    }

    /// How long what is read now may be kept: no longer than by default where others aren't heard.
    pub(super) fn lives(&self, lives: Lives) -> Lives {
        match self {
            #[cfg(feature = "redis")]
            Self::Channel(channel) if !channel.is_heard() => lives.unheard(),
            _ => lives,
        }
    }

    /// Something is read that may be kept.
    pub(super) fn listen(&self) {
        #[cfg(feature = "redis")]
        if let Self::Channel(channel) = self {
            channel.connect();
        }
    }

    pub(super) fn close(&self) {
        #[cfg(feature = "redis")]
        if let Self::Channel(channel) = self {
            channel.close();
        }
    }
}
