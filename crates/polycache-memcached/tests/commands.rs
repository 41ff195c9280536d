//! Every command on a real memcached, and on a fleet of three.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use polycache_memcached::codec::{Mode, Parts, Request, Status, WireKey};
use polycache_memcached::{Cas, Client, Entry, ErrorKind, Item, OnDead, Placement, Result, Ttl};
use polycache_testkit::servers::Memcached;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn open(server: &Memcached) -> Client {
    Client::open(&server.address().to_string()).unwrap()
}

fn value(item: Option<Item>) -> Option<String> {
    item.map(|item| String::from_utf8(item.value.to_vec()).unwrap())
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

/// Sends text as another client would, and returns the server's answer.
async fn plain(server: &Memcached, text: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(text).await.unwrap();
    stream.write_all(b"quit\r\n").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

async fn every_command(client: &Client) {
    client.set("k", Entry::new(b"one").flags(7)).await.unwrap();
    let (item, cas) = client.gets("k").await.unwrap().unwrap();
    assert_eq!((&item.value[..], item.flags), (&b"one"[..], 7));
    assert_eq!(client.get("k").await.unwrap(), Some(item));
    assert_eq!(client.get("none").await.unwrap(), None);
    assert_eq!(client.gets("none").await.unwrap(), None);

    assert!(!client.add("k", Entry::new(b"two")).await.unwrap());
    assert!(client.add("new", Entry::new(b"two")).await.unwrap());
    assert!(client.replace("new", Entry::new(b"three")).await.unwrap());
    assert!(!client.replace("none", Entry::new(b"three")).await.unwrap());

    assert_eq!(client.cas("k", Entry::new(b"four"), cas).await.unwrap(), Cas::Stored);
    assert_eq!(client.cas("k", Entry::new(b"five"), cas).await.unwrap(), Cas::Changed);
    assert_eq!(client.cas("none", Entry::new(b"five"), cas).await.unwrap(), Cas::Missing);
    assert!(!client.delete_cas("k", cas).await.unwrap());
    assert_eq!(value(client.get("k").await.unwrap()).as_deref(), Some("four"));
    let (_, cas) = client.gets("k").await.unwrap().unwrap();
    assert!(client.delete_cas("k", cas).await.unwrap());
    assert!(!client.delete("k").await.unwrap());

    assert_eq!(client.ttl("new").await.unwrap(), Some(Ttl::Never));
    let (_, before) = client.gets("new").await.unwrap().unwrap();
    assert!(client.touch("new", Ttl::secs(100)).await.unwrap());
    let Some(Ttl::After(rest)) = client.ttl("new").await.unwrap() else { panic!("it has a TTL") };
    assert!((Duration::from_secs(98)..=Duration::from_secs(100)).contains(&rest), "{rest:?}");
    assert_eq!(client.gets("new").await.unwrap().unwrap().1, before);
    client.touch("new", Ttl::secs(60 * 60 * 24 * 90)).await.unwrap();
    let Some(Ttl::After(rest)) = client.ttl("new").await.unwrap() else { panic!("it has a TTL") };
    assert!(rest > Duration::from_secs(60 * 60 * 24 * 90 - 5), "{rest:?}");
    assert!(!client.touch("none", Ttl::Never).await.unwrap());
    assert!(client.exists("new").await.unwrap() && !client.exists("none").await.unwrap());
    assert_eq!(client.ttl("none").await.unwrap(), None);
    assert_eq!(kind(client.set("k", Entry::new(b"").ttl(Ttl::secs(0))).await), ErrorKind::InvalidInput);

    let entries: Vec<_> = (0..300).map(|number| (format!("many:{number}"), number.to_string())).collect();
    let entries: Vec<_> = entries.iter().map(|(key, value)| (key, Entry::new(value.as_bytes()))).collect();
    client.multi_set(&entries).await.unwrap();
    let keys: Vec<_> = (0..1200).rev().map(|number| format!("many:{}", number % 400)).collect();
    let items = client.multi_get(&keys).await.unwrap();
    for (key, item) in keys.iter().zip(items) {
        let number = &key["many:".len()..];
        let expected = (number.parse::<u32>().unwrap() < 300).then(|| number.to_owned());
        assert_eq!(value(item), expected, "{key}");
    }
    assert_eq!(client.multi_delete(&keys).await.unwrap(), 300);
    assert_eq!(client.multi_get::<&str>(&[]).await.unwrap(), []);
    client.multi_set::<&str>(&[]).await.unwrap();

    looks_and_writes(client).await;
    client.flush_all().await.unwrap();
}

async fn looks_and_writes(client: &Client) {
    let (home, lease) = (WireKey::new(b"home"), WireKey::new(b"lease of home"));
    let store = |value| Request::Store { mode: Mode::Add, key: &home, value, flags: 0, exptime: 0, cas: true };
    let both = async |look: &WireKey<'_>, write: Request<'_>| {
        let (found, written) = client.look_and_write(&home, (look, Parts::VALUE), &write).await?;
        Ok((found.value, written.status))
    };
    assert_eq!(both(&lease, store(b"one")).await.unwrap(), (None, Status::Done));
    assert_eq!(both(&lease, store(b"two")).await.unwrap(), (None, Status::NotStored));
    let found = Some("one".into());
    assert_eq!(both(&home, Request::Delete { key: &home, cas: None }).await.unwrap(), (found, Status::Done));
    assert_eq!(both(&home, Request::Delete { key: &home, cas: None }).await.unwrap(), (None, Status::Missing));
    let too_large = vec![b'x'; 3 << 20];
    assert_eq!(kind(both(&lease, store(&too_large)).await), ErrorKind::TooLarge);
    assert_eq!(both(&lease, store(b"fits")).await.unwrap(), (None, Status::Done));
}

#[tokio::test]
async fn on_one_server() {
    let server = Memcached::start().await;
    let client = open(&server);
    every_command(&client).await;
    assert!(client.version().await.unwrap()[0].starts_with("1."));
    client.close();
    assert_eq!(kind(client.get("k").await), ErrorKind::Closed);
}

#[tokio::test]
async fn on_a_fleet() {
    let servers = [Memcached::start().await, Memcached::start().await, Memcached::start().await];
    for (placement, on_dead) in [(Placement::Ketama, OnDead::Fail), (Placement::Rendezvous, OnDead::Rehash)] {
        let mut builder = Client::builder().placement(placement).on_dead(on_dead);
        for server in &servers {
            builder = builder.server(server.address().to_string().as_str()).unwrap();
        }
        let client = builder.build().unwrap();
        every_command(&client).await;
        assert_eq!(client.version().await.unwrap().len(), 3);
        assert_eq!(kind(client.raw(b"stats").await), ErrorKind::InvalidInput);
        assert_eq!(client.raw(b"get none").await.unwrap(), "END");
    }
    for server in &servers {
        let stats = open(server).raw(b"stats").await.unwrap();
        let stats = String::from_utf8_lossy(&stats);
        let stored = stats.lines().find_map(|line| line.strip_prefix("STAT total_items ")).unwrap();
        assert!(stored.parse::<u32>().unwrap() > 100, "{stored}");
    }
}

#[tokio::test]
async fn counters() {
    let server = Memcached::start().await;
    let client = open(&server);
    assert_eq!(client.incr("n", 1).await.unwrap(), None);
    assert_eq!(client.decr("n", 1).await.unwrap(), None);
    assert_eq!(client.increment("n", 9, Ttl::secs(100)).await.unwrap(), 9);
    assert_eq!(client.incr("n", 1).await.unwrap(), Some(10));
    assert_eq!(client.decr("n", 1).await.unwrap(), Some(9));
    assert_eq!(value(client.get("n").await.unwrap()).as_deref(), Some("9 "));
    assert_eq!(client.increment("n", 1, Ttl::Never).await.unwrap(), 10);
    client.decr("n", 1).await.unwrap();
    assert_eq!(client.increment("n", -20, Ttl::Never).await.unwrap(), -11);
    assert_eq!(client.increment("n", 1, Ttl::Never).await.unwrap(), -10);
    assert_eq!(client.increment("n", 10, Ttl::Never).await.unwrap(), 0);
    let Some(Ttl::After(rest)) = client.ttl("n").await.unwrap() else { panic!("it keeps its TTL") };
    assert!(rest >= Duration::from_secs(97), "{rest:?}");
    assert_eq!(client.decr("n", 5).await.unwrap(), Some(0));
    assert_eq!(client.increment("below", -3, Ttl::secs(50)).await.unwrap(), -3);
    assert!(matches!(client.ttl("below").await.unwrap(), Some(Ttl::After(_))));

    for text in ["abc", "1.5", "--1", "99999999999999999999999", "\"1\""] {
        client.set("text", Entry::new(text.as_bytes())).await.unwrap();
        for delta in [1, -1] {
            assert_eq!(kind(client.increment("text", delta, Ttl::Never).await), ErrorKind::NotANumber, "{text:?}");
        }
        assert_eq!(value(client.get("text").await.unwrap()).as_deref(), Some(text));
    }
    assert_eq!(kind(client.incr("text", 1).await), ErrorKind::NotANumber);
    // memcached's own reading of numbers, as documented.
    for (text, sum) in [("+1", 2), ("1 2", 2), (" 1", 2)] {
        client.set("text", Entry::new(text.as_bytes())).await.unwrap();
        assert_eq!(kind(client.increment("text", -1, Ttl::Never).await), ErrorKind::NotANumber, "{text:?}");
        assert_eq!(client.increment("text", 1, Ttl::Never).await.unwrap(), sum, "{text:?}");
    }

    client.set("max", Entry::new(i64::MAX.to_string().as_bytes())).await.unwrap();
    assert_eq!(kind(client.increment("max", 1, Ttl::Never).await), ErrorKind::Overflow);
    assert_eq!(client.increment("max", -1, Ttl::Never).await.unwrap(), i64::MAX);
    client.set("min", Entry::new(i64::MIN.to_string().as_bytes())).await.unwrap();
    assert_eq!(kind(client.increment("min", -1, Ttl::Never).await), ErrorKind::Overflow);
    assert_eq!(client.increment("min", i64::MAX, Ttl::Never).await.unwrap(), -1);

    let all = (0..50).map(|number| {
        let client = client.clone();
        tokio::spawn(async move {
            client.increment("race", if number % 2 == 0 { -3 } else { 2 }, Ttl::Never).await.unwrap()
        })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    assert_eq!(client.increment("race", 0, Ttl::Never).await.unwrap(), -25);
}

#[tokio::test]
async fn any_key_is_its_own() {
    let server = Memcached::start().await;
    let client = open(&server);
    let long = "k".repeat(250);
    let longer = "k".repeat(251);
    let wide = "ü".repeat(93);
    let wider = "ü".repeat(94);
    let hashed = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let keys = [
        "",
        "a",
        "a b",
        "YSBi",
        "a\r\nflush_all\r\n",
        "a\0",
        "größe",
        hashed,
        &long,
        &longer,
        &wide,
        &wider,
        " ",
        "\n",
        "a\tb",
        "END",
        "sha256:x",
        "q",
        "noreply",
        "\u{7f}",
    ];
    for key in keys {
        assert!(client.add(key, Entry::new(key.as_bytes())).await.unwrap(), "{key:?}");
        assert_eq!(client.increment(format!("{key}#"), 1, Ttl::Never).await.unwrap(), 1);
    }
    for (key, item) in keys.iter().zip(client.multi_get(&keys).await.unwrap()) {
        assert_eq!(value(item).as_deref(), Some(*key));
    }
    for key in keys {
        assert_eq!(value(client.get(key).await.unwrap()).as_deref(), Some(key));
        assert!(client.touch(key, Ttl::secs(50)).await.unwrap() && client.exists(key).await.unwrap());
    }
    assert_eq!(client.multi_delete(&keys).await.unwrap(), keys.len() as u64);
}

#[tokio::test]
async fn others_read_what_we_write() {
    let server = Memcached::start().await;
    let client = open(&server);
    client.set("ours", Entry::new(b"a\r\nb").flags(16)).await.unwrap();
    assert_eq!(plain(&server, b"get ours\r\n").await, "VALUE ours 16 4\r\na\r\nb\r\nEND\r\n");
    assert_eq!(plain(&server, b"set theirs 32 0 5\r\nhello\r\n").await, "STORED\r\n");
    let item = client.get("theirs").await.unwrap().unwrap();
    assert_eq!((&item.value[..], item.flags), (&b"hello"[..], 32));
    assert_eq!(
        client.raw(b"get ours theirs").await.unwrap(),
        "VALUE ours 16 4\r\na\r\nb\r\nVALUE theirs 32 5\r\nhello\r\nEND"
    );
    assert_eq!(client.raw(b"mg theirs v").await.unwrap(), "VA 5\r\nhello");
    assert_eq!(client.raw(b"incr none 1").await.unwrap(), "NOT_FOUND");
    assert_eq!(kind(client.raw(b"incr theirs 1").await), ErrorKind::NotANumber);
    assert_eq!(kind(client.raw(b"incr theirs x").await), ErrorKind::Server);
    assert!(client.raw(b"stats").await.unwrap().ends_with(b"\r\nEND"));
    assert_eq!(kind(client.raw(b"get a\r\nflush_all").await), ErrorKind::InvalidInput);
    assert_eq!(value(client.get("theirs").await.unwrap()).as_deref(), Some("hello"));
}

#[tokio::test]
async fn values_of_any_size() {
    let server = Memcached::start().await;
    let client = open(&server);
    for length in [0, 1, 1_000, 16 * 1024, 16 * 1024 + 1, 65_536, 500_000, 1_000_000] {
        let value: Vec<u8> = (0..length).map(|index: usize| (index * 7) as u8).collect();
        client.set("v", Entry::new(&value)).await.unwrap();
        assert_eq!(client.get("v").await.unwrap().unwrap().value, value, "{length}");
        assert_eq!(client.multi_get(&["v", "w"]).await.unwrap()[0].as_ref().unwrap().value, value);
    }
    let too_large = vec![b'x'; 3 << 20];
    let (refused, fine) = tokio::join!(client.set("v", Entry::new(&too_large)), client.set("w", Entry::new(b"fits")));
    assert_eq!(kind(refused), ErrorKind::TooLarge);
    fine.unwrap();
    assert_eq!(value(client.get("w").await.unwrap()).as_deref(), Some("fits"));
    let small = Client::builder().server(server.address().to_string().as_str()).unwrap().max_value(10).build().unwrap();
    assert_eq!(kind(small.set("v", Entry::new(&[0; 11])).await), ErrorKind::TooLarge);
}

#[tokio::test]
async fn no_memory_is_an_error_of_its_own() {
    let server = Memcached::builder().args(&["-m", "1", "-M", "-I", "512k"]).start().await;
    let client = open(&server);
    let value = vec![b'x'; 100_000];
    let mut full = None;
    for number in 0..2_000 {
        if let Err(error) = client.set(format!("k{number}"), Entry::new(&value)).await {
            full = Some(error);
            break;
        }
    }
    let error = full.expect("a mebibyte is soon full");
    assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error}");
    assert!(client.exists("k0").await.unwrap());
}

#[tokio::test]
async fn without_a_runtime_it_is_an_error() {
    let client = Client::open("127.0.0.1:1").unwrap();
    let outside = std::thread::spawn(move || {
        let mut call = Box::pin(client.get("k"));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match call.as_mut().poll(&mut context) {
            std::task::Poll::Ready(result) => kind(result),
            std::task::Poll::Pending => panic!("it waits for nobody"),
        }
    });
    assert_eq!(outside.join().unwrap(), ErrorKind::NoRuntime);
}
