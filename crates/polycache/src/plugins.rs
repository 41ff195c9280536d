//! The plugins that come with the crate.

mod hit_miss_ratio;
mod timing;

pub use hit_miss_ratio::HitMissRatio;
pub use timing::{Timing, TimingFigures};

#[cfg(feature = "config")]
use std::sync::Arc;

#[cfg(feature = "config")]
use crate::Plugin;
#[cfg(feature = "config")]
use crate::registry::{Row, row};

/// A row for each plugin.
#[cfg(feature = "config")]
pub(crate) const TABLE: &[Row<dyn Plugin>] = &[
    row!(Plugin, |_| Ok(Arc::new(HitMissRatio::new())), ["hit_miss_ratio", "aiocache.plugins.HitMissRatioPlugin"]),
    row!(Plugin, |_| Ok(Arc::new(Timing::new())), ["timing", "aiocache.plugins.TimingPlugin"]),
];
