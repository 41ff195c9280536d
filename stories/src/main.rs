//! Tells the day second by second: `cargo run -p polycache-stories`, with the seconds of each trouble (3).
use polycache_stories::{Day, Report};

#[tokio::main]
async fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(3);
    let Report { during, after, timeout, .. } = Day { seconds, tell: true }.live().await;
    println!("\nwith a timeout of {timeout:?} for the cache");
    println!("in trouble: {during:?}\nafterwards: {after:?}");
}
