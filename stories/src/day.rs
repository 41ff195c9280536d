//! The day: what goes wrong, in which order, under load.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use polycache_testkit::servers::RedisServer;
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::database::Database;
use crate::shop::Shop;
use crate::tally::{Second, Tally};

const PRODUCTS: u64 = 40;
/// Customers of each process, and how long each looks at a price.
const CUSTOMERS: usize = 8;
const LOOKS: Duration = Duration::from_millis(4);
/// How often a price rises.
const RISES: Duration = Duration::from_millis(15);
/// A line of the story.
const LINE: Duration = Duration::from_secs(1);

/// A day with its settings.
#[derive(Debug, Clone)]
pub struct Day {
    /// How many seconds each trouble lasts.
    pub seconds: u32,
    /// Whether to print each second.
    pub tell: bool,
}

/// What came of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// All requests while something was wrong or had just been repaired.
    pub during: Second,
    /// All requests from when both processes were well again.
    pub after: Second,
    /// The most that a call of the cache may take.
    pub timeout: Duration,
}

/// What the customers, the clerk and the one who tells have in common.
struct Scene {
    database: Arc<Database>,
    shops: [Arc<Shop>; 2],
    addresses: [SocketAddr; 2],
    /// The newest price of each product that each process has acknowledged.
    acknowledged: [Vec<AtomicU64>; 2],
    tally: Tally,
    prices_rise: AtomicBool,
}

impl Day {
    /// Lives through it: starts a Redis, two processes of the shop and their customers.
    ///
    /// # Panics
    /// If there is no `redis-server`, or a part of the scene can't be set.
    pub async fn live(&self) -> Report {
        // What it had is there again after a SIGKILL.
        let redis = RedisServer::builder().config("appendonly", "yes").config("appendfsync", "always").start().await;
        let database = Arc::new(Database::new());
        let shop = || Arc::new(Shop::new(&redis.url(), Arc::clone(&database)).expect("settings that fit"));
        let shops = [shop(), shop()];
        let addresses = [
            Arc::clone(&shops[0]).open().await.expect("a free port"),
            Arc::clone(&shops[1]).open().await.expect("a free port"),
        ];
        let acknowledged = [(); 2].map(|()| (0..PRODUCTS).map(|_| AtomicU64::new(0)).collect());
        let scene = Arc::new(Scene {
            database,
            shops,
            addresses,
            acknowledged,
            tally: Tally::default(),
            prices_rise: AtomicBool::new(true),
        });
        for shop in 0..2 {
            for customer in 0..CUSTOMERS {
                tokio::spawn(Arc::clone(&scene).customer(shop, (shop * CUSTOMERS + customer) as u64));
            }
        }
        tokio::spawn(Arc::clone(&scene).clerk());

        let mut told = Told { tell: self.tell, began: Instant::now(), reads: 0, sum: Second::default() };
        if self.tell {
            println!("second  answered    old  failed  longest, ms  database asked");
        }
        told.seconds(&scene, 2, "all is well").await;

        scene.stock().await;
        scene.database.stops();
        told.seconds(&scene, self.seconds, "the database is stopped").await;
        scene.database.starts();
        scene.stock().await;
        scene.database.slows_down();
        told.seconds(&scene, self.seconds, "a query takes four seconds").await;
        scene.database.starts();
        scene.prices_rise.store(true, Ordering::Relaxed);
        told.seconds(&scene, 1, "the database is well").await;

        redis.stop();
        told.seconds(&scene, self.seconds, "Redis stands still (SIGSTOP)").await;
        redis.resume();
        told.seconds(&scene, 2, "Redis goes on (SIGCONT)").await;

        redis.kill();
        told.seconds(&scene, self.seconds, "Redis is killed (SIGKILL)").await;
        scene.stock().await;
        scene.database.stops();
        told.seconds(&scene, self.seconds, "the database is stopped, too").await;
        scene.database.starts();
        scene.prices_rise.store(true, Ordering::Relaxed);
        told.seconds(&scene, 1, "the database is back").await;
        redis.restart().await;
        told.seconds(&scene, 1, "Redis is back, with what it had").await;
        scene.well().await;
        told.line(&scene, "both processes are well");
        let during = std::mem::take(&mut told.sum);
        told.seconds(&scene, 2, "all is well").await;
        scene.prices_rise.store(false, Ordering::Relaxed);
        let mut after = told.sum;
        after.add(&scene.check().await);
        Report { during, after, timeout: crate::shop::TIMEOUT }
    }
}

/// The teller, who has a line for each second.
struct Told {
    tell: bool,
    began: Instant,
    reads: u64,
    sum: Second,
}

impl Told {
    async fn seconds(&mut self, scene: &Scene, count: u32, what: &str) {
        for _ in 0..count {
            sleep(LINE).await;
            self.line(scene, what);
        }
    }

    fn line(&mut self, scene: &Scene, what: &str) {
        let mut second = scene.tally.take();
        let reads = scene.database.reads();
        second.computed = reads - self.reads;
        self.reads = reads;
        if self.tell {
            let Second { answered, old, failed, longest, computed, .. } = &second;
            let at = self.began.elapsed().as_secs();
            let longest = longest.as_millis();
            println!("{at:6}  {answered:8}  {old:5}  {failed:6}  {longest:11}  {computed:14}  {what}");
            if let Some(failure) = &second.failure {
                println!("        {failure}");
            }
        }
        self.sum.add(&second);
    }
}

impl Scene {
    /// Looks at prices for ever.
    async fn customer(self: Arc<Self>, shop: usize, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut client = Client::connect(self.addresses[shop]).await.expect("the shop is open");
        loop {
            let product = random.u64(0..PRODUCTS);
            let one = self.look(&mut client, shop, product).await;
            self.tally.count(&one);
            sleep(LOOKS).await;
        }
    }

    async fn look(&self, client: &mut Client, shop: usize, product: u64) -> Second {
        let [here, there] =
            [shop, 1 - shop].map(|shop| self.acknowledged[shop][product as usize].load(Ordering::SeqCst));
        let began = Instant::now();
        let price = client.ask("GET", product).await.expect("the shop answers");
        let mut one = Second { longest: began.elapsed(), ..Second::default() };
        match price {
            Ok(price) => {
                one.answered = 1;
                one.old = u64::from(price < here.max(there));
                one.undone = u64::from(price < here);
            }
            Err(text) => {
                one.failed = 1;
                one.failure = Some(text);
            }
        }
        one
    }

    /// Raises prices, by one process and by the other.
    async fn clerk(self: Arc<Self>) {
        let mut random = fastrand::Rng::with_seed(7);
        let mut clients = [
            Client::connect(self.addresses[0]).await.expect("the shop is open"),
            Client::connect(self.addresses[1]).await.expect("the shop is open"),
        ];
        loop {
            if self.prices_rise.load(Ordering::Relaxed) {
                let (shop, product) = (random.usize(0..2), random.u64(0..PRODUCTS));
                if let Ok(price) = clients[shop].ask("PUT", product).await.expect("the shop answers") {
                    self.acknowledged[shop][product as usize].fetch_max(price, Ordering::SeqCst);
                }
            }
            sleep(RISES).await;
        }
    }

    /// Prices rest, and each process has all of them: what is asked for from now on has a value, be it stale.
    async fn stock(&self) {
        self.prices_rise.store(false, Ordering::Relaxed);
        sleep(RISES * 10).await;
        let _ = self.check().await;
    }

    async fn well(&self) {
        while !self.shops.iter().all(|shop| shop.is_well()) {
            sleep(RISES).await;
        }
    }

    /// Asks each process for each price.
    async fn check(&self) -> Second {
        let mut sum = Second::default();
        for (shop, address) in self.addresses.iter().enumerate() {
            let mut client = Client::connect(*address).await.expect("the shop is open");
            for product in 0..PRODUCTS {
                sum.add(&self.look(&mut client, shop, product).await);
            }
        }
        sum
    }
}
