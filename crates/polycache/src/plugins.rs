//! The plugins that come with the crate.

mod hit_miss_ratio;
mod timing;

pub use hit_miss_ratio::HitMissRatio;
pub use timing::{Timing, TimingFigures};
