#!/usr/bin/env bash
# deadpool-redis 0.23.1, bb8-redis 0.26.0 (Rust): who takes a connection from the pool gets the database that the last user chose,
#   and from bb8 its WATCH too.
#
# Expected: a connection out of a pool is as one that was just made: pools of SQL connections reset them (DISCARD ALL), and both of
#   these check a connection before they hand it out again.
# Seen: after a SELECT 1 by one user the next user's SET goes to database 1, though the URL says 0. bb8-redis only sends PING: a
#   transaction of another user is aborted (nil) by a WATCH that the last one left behind. deadpool-redis sends UNWATCH.
# Who meets it: tenants or tests by database, and optimistic transactions that return early with `?`.
# Instead: a pool for each database; UNWATCH on each way out. Or a connection that isn't pooled for both.
source "$(dirname "$0")/lib.bash"

start_valkey
PORT=$port rust_run deadpool-redis=0.23.1 bb8-redis=0.26.0 redis=1.8.1:tokio-comp tokio=1.54.1:full <<'RUST'
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, Cmd, RedisResult, Value, cmd};

async fn run(command: &Cmd, connection: &mut MultiplexedConnection) -> Value {
    command.query_async(connection).await.unwrap()
}

async fn database(connection: &mut MultiplexedConnection) -> String {
    let info: String = cmd("CLIENT").arg("INFO").query_async(connection).await.unwrap();
    info.split(' ').find_map(|word| word.strip_prefix("db=")).unwrap().to_owned()
}

async fn transaction(connection: &mut MultiplexedConnection) -> Value {
    let result: RedisResult<Value> = redis::pipe().atomic().set("mine", 1).query_async(connection).await;
    result.unwrap()
}

#[tokio::main]
async fn main() {
    let url = format!("redis://127.0.0.1:{}/0", std::env::var("PORT").unwrap());
    let mut other = redis::Client::open(url.clone()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let (select, watch) = (cmd("SELECT").arg(1).clone(), cmd("WATCH").arg("balance").clone());

    let runtime = deadpool_redis::Runtime::Tokio1;
    let pool = || deadpool_redis::Config::from_url(&url).builder().unwrap().max_size(1).runtime(runtime).build().unwrap();
    let (one, two) = (pool(), pool());
    run(&select, &mut one.get().await.unwrap()).await;
    let db = database(&mut one.get().await.unwrap()).await;
    run(&watch, &mut two.get().await.unwrap()).await;
    let () = other.set("balance", 1).await.unwrap();
    let deadpool = (db, transaction(&mut two.get().await.unwrap()).await);
    println!("deadpool-redis: the next user's database {}, transaction {:?}", deadpool.0, deadpool.1);

    let manager = || bb8_redis::RedisConnectionManager::new(url.clone()).unwrap();
    let one = bb8_redis::bb8::Pool::builder().max_size(1).build(manager()).await.unwrap();
    let two = bb8_redis::bb8::Pool::builder().max_size(1).build(manager()).await.unwrap();
    run(&select, &mut *one.get().await.unwrap()).await;
    let db = database(&mut *one.get().await.unwrap()).await;
    run(&watch, &mut *two.get().await.unwrap()).await;
    let () = other.set("balance", 2).await.unwrap();
    let bb8 = (db, transaction(&mut *two.get().await.unwrap()).await);
    println!("bb8-redis: the next user's database {}, transaction {:?}", bb8.0, bb8.1);

    assert_eq!((deadpool.0.as_str(), bb8.0.as_str()), ("1", "1"));
    assert!(deadpool.1 != Value::Nil && bb8.1 == Value::Nil);
}
RUST
