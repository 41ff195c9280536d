//! No request fails or takes long while there is a value, and none is old afterwards.

use std::time::Duration;

use polycache_stories::Day;

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_outlives_its_redis_and_its_database() {
    let report = Day { seconds: 2, tell: true }.live().await;
    let (during, after) = (&report.during, &report.after);
    assert!(during.answered > 1_000, "there was load: {during:?}");
    assert_eq!(during.failed, 0, "no request fails while there is a value: {during:?}");
    assert_eq!(during.undone, 0, "a change that a process has acknowledged isn't undone there: {during:?}");
    // A machine under load may stand still for a while; who waits for Redis waits for seconds.
    assert!(during.longest < report.timeout + Duration::from_millis(1_900), "each in time: {during:?}");
    assert_eq!((after.failed, after.old, after.undone), (0, 0, 0), "and nothing stale is left: {after:?}");
}
