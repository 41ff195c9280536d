//! Real servers: they start, answer, make trouble on demand, and end with the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use polycache_testkit::Proxy;
use polycache_testkit::servers::{Certificates, Memcached, RedisCluster, RedisSentinel, RedisServer, available};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const PATIENCE: Duration = Duration::from_secs(20);

fn runs(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

async fn ask(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = vec![0; 1000];
    let length = stream.read(&mut reply).await.unwrap();
    String::from_utf8_lossy(&reply[..length]).into_owned()
}

/// All bytes until the connection ends, and how it ends.
async fn read_all(stream: &mut TcpStream) -> (Vec<u8>, io::Result<()>) {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match timeout(PATIENCE, stream.read(&mut buffer)).await.expect("the connection ends") {
            Ok(0) => return (all, Ok(())),
            Ok(length) => all.extend_from_slice(&buffer[..length]),
            Err(error) => return (all, Err(error)),
        }
    }
}

/// Nothing comes for a while.
async fn is_silent(stream: &mut TcpStream) -> bool {
    timeout(Duration::from_millis(50), stream.read_u8()).await.is_err()
}

async fn read_pong(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut reply = vec![0; 7];
    timeout(PATIENCE, stream.read_exact(&mut reply)).await??;
    Ok(reply)
}

async fn ping(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    stream.write_all(b"PING\r\n").await?;
    read_pong(stream).await
}

/// Sets the key on a server and its replica.
async fn set_everywhere(server: &RedisServer, value: &str) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    assert_eq!(ask(&mut stream, &format!("SET key {value}\r\n")).await, "+OK\r\n");
    assert_eq!(ask(&mut stream, "WAIT 1 20000\r\n").await, ":1\r\n");
}

#[test]
fn the_servers_are_installed() {
    available().unwrap();
}

#[tokio::test]
async fn redis_answers_restarts_empty_and_ends_when_dropped() {
    let started = Instant::now();
    let server = RedisServer::start().await;
    println!("redis: {:?}", started.elapsed());
    let (first, folder) = (server.pid(), server.socket().parent().unwrap().to_owned());
    assert_eq!(server.cli(&["SET", "key", "value"]).await, "OK");
    assert_eq!(server.cli(&["GET", "key"]).await, "value");

    let started = Instant::now();
    server.kill();
    println!("killed: {:?}", started.elapsed());
    assert!(TcpStream::connect(server.address()).await.is_err());
    let started = Instant::now();
    server.restart().await;
    println!("restarted: {:?}", started.elapsed());
    assert_eq!(server.cli(&["EXISTS", "key"]).await, "0");
    assert_ne!(server.pid(), first);
    assert!(!runs(first));

    let pid = server.pid();
    let started = Instant::now();
    drop(server);
    println!("dropped: {:?}", started.elapsed());
    assert!(!runs(pid));
    assert!(!folder.exists());
}

#[tokio::test]
async fn redis_takes_any_bytes() {
    let server = RedisServer::start().await;
    let value: Vec<u8> = (0..=255).collect();
    assert_eq!(server.cli_bytes(&[b"SET", b"a\0\n\"key", &value]).await, b"OK");
    assert_eq!(server.cli_bytes(&[b"GET", b"a\0\n\"key"]).await, value);
    server.flush().await;
    assert_eq!(server.cli(&["DBSIZE"]).await, "0");
}

#[tokio::test]
async fn redis_asks_for_passwords() {
    let password = "p@ss: \"w/\\rd%";
    let server = RedisServer::builder()
        .password(password)
        .user("ann", "a#b", "~ns:* +@all")
        .config("maxmemory", "4mb")
        .start()
        .await;
    assert_eq!(server.cli(&["ACL", "WHOAMI"]).await, "default");
    assert_eq!(server.cli(&["CONFIG", "GET", "maxmemory"]).await, "maxmemory\n4194304");
    assert_eq!(server.url(), format!("redis://ann:a%23b@127.0.0.1:{}", server.port()));
    assert!(server.url_as("", password).starts_with("redis://:p%40ss%3A%20%22w%2F%5Crd%25@127.0.0.1:"));
    let stream = || async { TcpStream::connect(server.address()).await.unwrap() };
    assert!(ask(stream().await, "PING\r\n").await.starts_with("-NOAUTH"));
    assert_eq!(ask(stream().await, "AUTH ann a#b\r\n").await, "+OK\r\n");

    let server = RedisServer::builder().user("ann", "a", "~* +@all").config("user", "default off").start().await;
    let stream = TcpStream::connect(server.address()).await.unwrap();
    assert_eq!(ask(stream, "AUTH ann a\r\n").await, "+OK\r\n");
}

#[tokio::test]
async fn memcached_answers_restarts_empty_and_ends_when_dropped() {
    let started = Instant::now();
    let server = Memcached::start().await;
    println!("memcached: {:?}", started.elapsed());
    let stream = || async { TcpStream::connect(server.address()).await.unwrap() };
    assert_eq!(ask(stream().await, "set key 0 0 5\r\nvalue\r\n").await, "STORED\r\n");
    server.kill();
    assert!(TcpStream::connect(server.address()).await.is_err());
    server.restart().await;
    assert_eq!(ask(stream().await, "get key\r\n").await, "END\r\n");
    let pid = server.pid();
    drop(server);
    assert!(!runs(pid));
}

#[tokio::test]
async fn memcached_has_users_and_unix_sockets() {
    let server = Memcached::builder().user("ann", "secret").start().await;
    let stream = || async { TcpStream::connect(server.address()).await.unwrap() };
    assert!(ask(stream().await, "get key\r\n").await.starts_with("CLIENT_ERROR unauth"));
    assert_eq!(ask(stream().await, "set auth 0 0 10\r\nann secret\r\n").await, "STORED\r\n");
    assert_eq!(server.url(), format!("memcached://ann:secret@127.0.0.1:{}", server.port()));

    let server = Memcached::builder().unix_socket().args(&["-m", "2", "-M"]).start().await;
    let stream = UnixStream::connect(server.socket()).await.unwrap();
    assert!(ask(stream, "version\r\n").await.starts_with("VERSION"));
}

/// Sends a request after a handshake that verifies the server, as a client with or without a certificate. Returns the reply.
async fn ask_tls(address: SocketAddr, certificates: &Certificates, shown: bool, request: &str) -> io::Result<String> {
    let pem = |path: &Path| CertificateDer::from_pem_file(path).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(pem(&certificates.ca)).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = if shown {
        let key = PrivateKeyDer::from_pem_file(&certificates.client_key).unwrap();
        config.with_client_auth_cert(vec![pem(&certificates.client_certificate)], key).unwrap()
    } else {
        config.with_no_client_auth()
    };
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut reply = vec![0; 1000];
    let length = stream.read(&mut reply).await?;
    Ok(String::from_utf8_lossy(&reply[..length]).into_owned())
}

#[tokio::test]
async fn tls_is_verified_on_both_sides() {
    let (redis, strict) =
        (RedisServer::builder().tls().start().await, RedisServer::builder().mutual_tls().start().await);
    assert_eq!(ask_tls(redis.address(), redis.certificates(), false, "PING\r\n").await.unwrap(), "+PONG\r\n");
    assert!(
        ask_tls(redis.address(), strict.certificates(), false, "PING\r\n").await.is_err(),
        "signed by another authority"
    );
    assert_eq!(ask_tls(strict.address(), strict.certificates(), true, "PING\r\n").await.unwrap(), "+PONG\r\n");
    assert!(ask_tls(strict.address(), strict.certificates(), false, "PING\r\n").await.is_err(), "no certificate shown");
    let files = redis.certificates();
    assert_eq!(redis.url(), format!("rediss://127.0.0.1:{}?ca={}", redis.port(), files.ca.display()));

    let (memcached, strict) =
        (Memcached::builder().tls().start().await, Memcached::builder().mutual_tls().start().await);
    let version = "version\r\n";
    assert!(
        ask_tls(memcached.address(), memcached.certificates(), false, version).await.unwrap().starts_with("VERSION")
    );
    assert!(ask_tls(strict.address(), strict.certificates(), true, version).await.unwrap().starts_with("VERSION"));
    assert!(ask_tls(strict.address(), strict.certificates(), false, version).await.is_err());
    assert!(strict.url().starts_with(&format!("memcacheds://127.0.0.1:{}?ca=/", strict.port())));
}

#[tokio::test]
async fn servers_stop_and_resume() {
    let redis = RedisServer::start().await;
    let memcached = Memcached::start().await;
    redis.stop();
    memcached.stop();
    let mut streams = Vec::new();
    for (address, request) in [(redis.address(), "PING\r\n"), (memcached.address(), "version\r\n")] {
        let mut stream = TcpStream::connect(address).await.expect("the kernel accepts connections");
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(is_silent(&mut stream).await);
        streams.push(stream);
    }
    redis.resume();
    memcached.resume();
    for mut stream in streams {
        assert!(timeout(PATIENCE, stream.read_u8()).await.is_ok());
    }
    redis.stop();
    redis.restart().await;
    assert_eq!(redis.cli(&["PING"]).await, "PONG");
    redis.stop();
    let pid = redis.pid();
    drop(redis);
    assert!(!runs(pid));
}

#[tokio::test]
async fn a_server_that_does_not_start_says_why() {
    let wrong = tokio::spawn(RedisServer::builder().config("no-such-setting", "1").start());
    let panic = wrong.await.unwrap_err().into_panic();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("has ended") && text.contains("no-such-setting"), "{text}");

    let wrong = tokio::spawn(Memcached::builder().args(&["--no-such-setting"]).start());
    let panic = wrong.await.unwrap_err().into_panic();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("has ended") && text.contains("no-such-setting"), "{text}");
}

/// Tests make trouble in one task while another one works.
#[test]
fn futures_can_be_spawned() {
    fn spawnable(_: impl Future<Output: Send> + Send) {}
    let _ = |redis: RedisServer, cluster: RedisCluster, sentinel: RedisSentinel, memcached: Memcached, proxy: Proxy| {
        spawnable(redis.restart());
        spawnable(redis.cli(&["PING"]));
        spawnable(cluster.new_master_of("key", &redis));
        spawnable(cluster.repair());
        spawnable(sentinel.new_primary(&redis));
        spawnable(sentinel.repair());
        spawnable(memcached.restart());
        spawnable(proxy.wait_until(|traffic| traffic.open > 0));
        spawnable(RedisCluster::start(3, 3));
        spawnable(RedisSentinel::start());
        spawnable(Proxy::start(redis.address()));
    };
}

/// Plays both parts: a test process that keeps servers in statics and ends badly, and its observer.
#[tokio::test]
async fn servers_die_with_the_test_process() {
    const WAY: &str = "POLYCACHE_TESTKIT_ENDS_BY";
    if let Ok(way) = std::env::var(WAY) {
        static SERVERS: OnceCell<(RedisServer, Memcached)> = OnceCell::const_new();
        let start = || async { (RedisServer::start().await, Memcached::start().await) };
        let (redis, memcached) = SERVERS.get_or_init(start).await;
        let folder = redis.socket().parent().unwrap().display().to_string();
        println!("\nstarted {} {} {folder}", redis.pid(), memcached.pid());
        match way.as_str() {
            "abort" => std::process::abort(),
            "exit" => std::process::exit(0),
            "panic" => panic!("as told"),
            _ => std::future::pending().await,
        }
    }
    for way in ["abort", "exit", "panic", "kill"] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "servers_die_with_the_test_process", "--nocapture"])
            .env(WAY, way)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let started = loop {
            let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("the child starts servers");
            if let Some(started) = line.strip_prefix("started ") {
                break started.to_owned();
            }
        };
        let [redis, memcached, folder] = *started.split(' ').collect::<Vec<_>>() else { panic!("{started}") };
        if way == "kill" {
            assert!(runs(redis.parse().unwrap()) && runs(memcached.parse().unwrap()));
            child.kill().await.unwrap();
        }
        timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
        let ended = Instant::now();
        while runs(redis.parse().unwrap()) || runs(memcached.parse().unwrap()) || Path::new(folder).exists() {
            assert!(ended.elapsed() < PATIENCE, "{way} leaves something of {started}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        println!("{way}: nothing left after {:?}", ended.elapsed());
    }
}

#[tokio::test]
async fn a_cluster_fails_over() {
    let started = Instant::now();
    let cluster = RedisCluster::start(3, 3).await;
    println!("cluster: {:?}", started.elapsed());
    assert_eq!(cluster.nodes().len(), 6);
    assert_eq!(cluster.url().matches("127.0.0.1:").count(), 6);

    let master = cluster.master_of("key").await;
    set_everywhere(master, "value").await;
    let started = Instant::now();
    master.kill();
    let successor = cluster.new_master_of("key", master).await;
    println!("cluster failed over: {:?}", started.elapsed());
    assert_eq!(successor.cli(&["GET", "key"]).await, "value");

    let started = Instant::now();
    cluster.repair().await;
    println!("cluster repaired: {:?}", started.elapsed());
    assert_eq!(master.cli(&["ROLE"]).await.lines().next(), Some("slave"));

    // The other way round, with a master that stands still.
    let started = Instant::now();
    successor.stop();
    assert_eq!(cluster.new_master_of("key", successor).await.port(), master.port());
    println!("cluster failed over: {:?}", started.elapsed());
    cluster.repair().await;
    assert_eq!(master.cli(&["GET", "key"]).await, "value");
    cluster.flush().await;
    assert_eq!(master.cli(&["EXISTS", "key"]).await, "0");
}

#[tokio::test]
async fn sentinels_fail_over() {
    let started = Instant::now();
    let fleet = RedisSentinel::start().await;
    println!("sentinels: {:?}", started.elapsed());
    assert!(fleet.url().ends_with(&format!("127.0.0.1:{}/service", fleet.sentinels()[2].port())));

    let primary = fleet.primary().await;
    assert_eq!(primary.port(), fleet.servers()[0].port());
    set_everywhere(primary, "value").await;
    let started = Instant::now();
    primary.kill();
    let successor = fleet.new_primary(primary).await;
    println!("sentinels failed over: {:?}", started.elapsed());
    assert_eq!(successor.cli(&["GET", "key"]).await, "value");

    let started = Instant::now();
    fleet.repair().await;
    println!("sentinels repaired: {:?}", started.elapsed());
    assert_eq!(primary.cli(&["ROLE"]).await.lines().next(), Some("slave"));

    // The other way round, with a primary that stands still.
    let started = Instant::now();
    successor.stop();
    assert_eq!(fleet.new_primary(successor).await.port(), primary.port());
    println!("sentinels failed over: {:?}", started.elapsed());
    fleet.repair().await;
    println!("sentinels repaired: {:?}", started.elapsed());
    assert_eq!(primary.cli(&["GET", "key"]).await, "value");
    fleet.flush().await;
    assert_eq!(primary.cli(&["EXISTS", "key"]).await, "0");
}

#[tokio::test]
async fn a_proxy_makes_the_trouble_it_is_asked_for() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    assert_eq!(server.url_at(proxy.address()), format!("redis://{}", proxy.address()));
    let connect = || async { TcpStream::connect(proxy.address()).await.unwrap() };
    let pong = b"+PONG\r\n";

    let mut stream = connect().await;
    assert_eq!(ping(&mut stream).await.unwrap(), pong);
    let traffic = proxy.traffic();
    assert_eq!((traffic.connections, traffic.open, traffic.from_client, traffic.from_server), (1, 1, 6, 7));

    proxy.delay(Duration::from_millis(20));
    let started = Instant::now();
    assert_eq!(ping(&mut stream).await.unwrap(), pong);
    assert!(started.elapsed() >= Duration::from_millis(40), "20 ms a direction");
    proxy.delay(Duration::ZERO);

    proxy.stall();
    stream.write_all(b"PING\r\n").await.unwrap();
    proxy.wait_until(|traffic| traffic.from_client == 18).await;
    assert!(is_silent(&mut stream).await);
    proxy.resume();
    assert_eq!(read_pong(&mut stream).await.unwrap(), pong);

    proxy.chunk(1);
    let text = "x".repeat(500);
    stream.write_all(format!("ECHO {text}\r\n").as_bytes()).await.unwrap();
    let reply = format!("$500\r\n{text}\r\n").into_bytes();
    let (mut read, mut reads) = (Vec::new(), 0);
    while read.len() < reply.len() {
        let length = timeout(PATIENCE, stream.read_buf(&mut read)).await.unwrap().unwrap();
        assert!(length > 0);
        reads += 1;
    }
    assert_eq!(read, reply);
    println!("{} bytes one at a time: {reads} reads", reply.len());
    assert!(reads > 1);

    proxy.heal();
    proxy.answer_with(b"rubbish");
    assert_eq!(ping(&mut stream).await.unwrap(), b"rubbish");
    proxy.heal();
    assert_eq!(ping(&mut stream).await.unwrap(), pong);

    // At every byte offset of a reply, and after its last byte.
    for offset in 0..=pong.len() {
        let mut stream = connect().await;
        proxy.cut_reply_after(offset);
        stream.write_all(b"PING\r\n").await.unwrap();
        let (reply, end) = read_all(&mut stream).await;
        assert_eq!(reply, pong[..offset]);
        end.expect("closed, not reset");
    }
    assert_eq!(ping(&mut stream).await.unwrap(), pong, "other connections stay");

    let mut other = connect().await;
    assert_eq!(ping(&mut other).await.unwrap(), pong);
    proxy.cut();
    for stream in [&mut stream, &mut other] {
        read_all(stream).await.1.expect("closed, not reset");
    }
    assert_eq!(proxy.traffic().open, 0);

    let mut stream = connect().await;
    assert_eq!(ping(&mut stream).await.unwrap(), pong);
    proxy.reset();
    assert_eq!(read_all(&mut stream).await.1.unwrap_err().kind(), io::ErrorKind::ConnectionReset);

    let mut stream = connect().await;
    assert_eq!(ping(&mut stream).await.unwrap(), pong);
    proxy.refuse(true);
    let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(ping(&mut stream).await.unwrap(), pong, "a connection of before stays");
    proxy.heal();
    assert_eq!(ping(&mut connect().await).await.unwrap(), pong);

    server.kill();
    assert!(read_all(&mut stream).await.0.is_empty(), "ends with the server's connection");
    let unreachable = async { ping(&mut TcpStream::connect(proxy.address()).await?).await };
    assert_eq!(unreachable.await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    server.restart().await;
    assert_eq!(ping(&mut connect().await).await.unwrap(), pong);

    let (address, mut stream) = (proxy.address(), connect().await);
    assert_eq!(ping(&mut stream).await.unwrap(), pong);
    drop(proxy);
    assert!(TcpStream::connect(address).await.is_err());
    assert!(ping(&mut stream).await.is_err());
}

#[tokio::test]
async fn a_proxy_forwards_megabytes_both_ways() {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.address()).await;
    let value = vec![b'x'; 8 << 20];
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let mut request = format!("*2\r\n$4\r\nECHO\r\n${}\r\n", value.len()).into_bytes();
    request.extend_from_slice(&value);
    request.extend_from_slice(b"\r\n");
    let started = Instant::now();
    let mut reply = vec![0; value.len() + b"$8388608\r\n\r\n".len()];
    let (written, read) = tokio::join!(writer.write_all(&request), reader.read_exact(&mut reply));
    println!("8 MiB there and back: {:?}", started.elapsed());
    written.unwrap();
    read.unwrap();
    assert!(reply.starts_with(b"$8388608\r\nxxx") && reply.ends_with(b"xxx\r\n"));
}
