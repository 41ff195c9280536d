//! The programs that the fixtures start, and what tests do about their versions.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use polycache_testkit::servers::{Memcached, RedisServer, available, ignored};

/// Runs a test of this file in a process of its own, where the variables and `CHILD` are set.
fn again(test: &str, variables: &[(&str, &Path)]) -> Output {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test]).env("CHILD", "yes").envs(variables.iter().copied()).output().unwrap()
}

fn is_child() -> bool {
    std::env::var_os("CHILD").is_some()
}

#[tokio::test]
async fn variables_name_other_programs() {
    if is_child() {
        available().unwrap();
        let redis = RedisServer::start().await;
        redis.restart().await;
        assert_eq!(redis.cli(&["PING"]).await, "PONG");
        Memcached::start().await;
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [redis, memcached] = ["redis-server", "memcached"].map(|name| {
        let program = folder.path().join(format!("other-{name}"));
        let script = format!("#!/bin/sh\n: > '{}.started'\nexec '{name}' \"$@\"\n", program.display());
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        program
    });
    let variables = [("POLYCACHE_REDIS_SERVER", &*redis), ("POLYCACHE_MEMCACHED", &*memcached)];
    let child = again("variables_name_other_programs", &variables);
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert!(redis.with_extension("started").exists() && memcached.with_extension("started").exists());

    // The servers would look for it in directories of their own.
    let child = again("variables_name_other_programs", &[("POLYCACHE_MEMCACHED", Path::new("build/memcached"))]);
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(!child.status.success());
    let expected = "POLYCACHE_MEMCACHED is `build/memcached`; set it to the absolute path of a memcached";
    assert!(told.contains(expected), "{told}");
}

#[tokio::test]
async fn a_test_that_the_server_is_too_old_for_says_so() {
    if is_child() {
        ignored("it is too old");
        return;
    }
    let child = again("a_test_that_the_server_is_too_old_for_says_so", &[]);
    assert!(child.status.success());
    // Even if the harness hides what a test prints.
    let told = String::from_utf8_lossy(&child.stderr);
    assert_eq!(told, "IGNORED a_test_that_the_server_is_too_old_for_says_so: it is too old\n");
}

#[tokio::test]
async fn servers_tell_their_versions() {
    let (redis, memcached) = (RedisServer::start().await, Memcached::start().await);
    assert!(redis.version().await >= [6, 0, 0]);
    assert!(memcached.version().await >= [1, 6, 0]);
}
