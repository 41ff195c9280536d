//! A server process that can't outlive the tests.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A program that the fixtures start.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Program {
    name: &'static str,
    /// Its Debian package.
    package: &'static str,
    /// The environment variable that names another program to start instead.
    variable: Option<&'static str>,
}

pub(super) const REDIS: Program =
    Program { name: "redis-server", package: "redis-server", variable: Some("POLYCACHE_REDIS_SERVER") };
pub(super) const MEMCACHED: Program =
    Program { name: "memcached", package: "memcached", variable: Some("POLYCACHE_MEMCACHED") };
pub(super) const REDIS_CLI: Program = Program { name: "redis-cli", package: "redis-tools", variable: None };

impl Program {
    /// The program to start: a path, or a name to look up in `PATH`.
    pub(super) fn path(&self) -> PathBuf {
        self.chosen().map_or_else(|| self.name.into(), |(_, path)| path)
    }

    /// The program to start instead, and the variable that names it.
    fn chosen(&self) -> Option<(&'static str, PathBuf)> {
        let variable = self.variable?;
        let path = env::var_os(variable).filter(|path| !path.is_empty())?;
        Some((variable, path.into()))
    }

    /// Tells that the program is missing, if it is.
    pub(super) fn check(&self) -> Result<(), String> {
        let Self { name, package, .. } = self;
        match self.chosen() {
            None if in_path(Path::new(name)) => Ok(()),
            None => Err(format!(
                "`{name}` isn't installed; Debian's package `{package}` brings it: `make setup`, or apt-get install {package}"
            )),
            // Servers start in directories of their own, where a relative path would mean another file.
            Some((_, path)) if path.is_absolute() && path.is_file() || in_path(&path) => Ok(()),
            Some((variable, path)) => Err(format!(
                "{variable} is `{}`; set it to the absolute path of a {name}, or to a name in PATH",
                path.display()
            )),
        }
    }
}

/// Whether this is a name of a program in `PATH`.
fn in_path(name: &Path) -> bool {
    name.components().count() == 1
        && env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

/// Texts about missing programs.
pub(super) fn missing() -> impl Iterator<Item = String> {
    [REDIS, REDIS_CLI, MEMCACHED].into_iter().filter_map(|program| program.check().err())
}

/// How long a server may take to answer after its start, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts the server, and kills it when the guard's own standard input ends: the kernel ends that however the tests end. A line on
/// standard input means that the directory is still needed. The server holds the other end of standard output, which so ends with the
/// server.
const GUARD: &str = r#"
directory=$1
shift
"$@" < /dev/null 3>&1 > "$directory/output" 2>&1 &
pid=$!
trap '' HUP INT TERM PIPE
echo "$pid"
exec > /dev/null
read -r word
kill -9 "$pid"
wait
[ "$word" = keep ] || rm -rf -- "$directory"
"#;

/// The program and its arguments.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) program: &'static Program,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(&'static str, PathBuf)>,
}

/// A server: its directory, and the process that may be killed and started again.
#[derive(Debug)]
pub(super) struct Process {
    launch: Launch,
    running: Mutex<Running>,
    // After the process: the guard has emptied it by then.
    directory: TempDir,
}

#[derive(Debug)]
struct Running {
    guard: Child,
    // None once the guard was told to end.
    hold: Option<ChildStdin>,
    lifeline: ChildStdout,
    pid: Pid,
    started: Instant,
    // Neither killed nor stopped by the fixture.
    runs: bool,
}

impl Process {
    pub(super) fn start(launch: Launch, directory: TempDir) -> Self {
        let running = Mutex::new(Running::start(&launch, directory.path()));
        Self { launch, running, directory }
    }

    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn pid(&self) -> u32 {
        self.running().pid.as_raw_nonzero().get().unsigned_abs()
    }

    pub(super) fn is_running(&self) -> bool {
        self.running().runs
    }

    /// SIGKILL; returns when the process is dead, its ports and files closed.
    pub(super) fn kill(&self) {
        self.running().kill();
    }

    /// SIGSTOP; returns when the process stands still.
    pub(super) fn stop(&self) {
        let mut running = self.running();
        running.runs = false;
        running.signal(Signal::STOP);
        // The kernel stops a process a little after the signal. Without /proc, that has to be good enough.
        while moves(running.pid) {
            std::thread::yield_now();
        }
    }

    /// SIGCONT.
    pub(super) fn resume(&self) {
        let mut running = self.running();
        running.signal(Signal::CONT);
        running.runs = !running.is_dead(Duration::ZERO);
    }

    /// Kills the process and starts another one in the same directory.
    pub(super) fn relaunch(&self, prepare: impl FnOnce(&Path)) {
        let mut running = self.running();
        running.kill();
        prepare(self.directory());
        // The old guard ends after the new one has begun: so there is always one that would remove the directory.
        let mut old = std::mem::replace(&mut *running, Running::start(&self.launch, self.directory()));
        old.end("keep\n");
    }

    /// A pause before the server is asked again whether it is ready. The error tells that it never will be, with the server's own words.
    pub(super) async fn pause(&self) -> Result<(), String> {
        let trouble = {
            let running = self.running();
            if running.is_dead(Duration::ZERO) {
                "has ended"
            } else if running.started.elapsed() > PATIENCE {
                "doesn't answer"
            } else {
                ""
            }
        };
        if trouble.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            return Ok(());
        }
        let Launch { program, arguments, .. } = &self.launch;
        let program = program.path();
        Err(format!("{} {arguments:?} {trouble}; its output:\n{}", program.display(), self.output()))
    }

    /// The last lines that the server wrote.
    pub(super) fn output(&self) -> String {
        let output = fs::read(self.directory().join("output")).unwrap_or_default();
        let output = String::from_utf8_lossy(&output);
        let lines: Vec<_> = output.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn start(launch: &Launch, directory: &Path) -> Self {
        let Launch { program, arguments, environment } = launch;
        program.check().unwrap_or_else(|text| panic!("{text}"));
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "polycache-guard"])
            .arg(directory)
            .arg(program.path())
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal goes to the whole group of the tests.
            .process_group(0)
            .spawn()
            .expect("`sh` starts");
        let hold = guard.stdin.take();
        let mut lifeline = guard.stdout.take().expect("standard output is a pipe");
        let mut line = Vec::new();
        let mut byte = [0];
        while lifeline.read_exact(&mut byte).is_ok() && byte != *b"\n" {
            line.push(byte[0]);
        }
        let pid = String::from_utf8_lossy(&line).parse().ok().and_then(Pid::from_raw);
        let pid = pid.expect("the guard prints the id of the server");
        Self { guard, hold, lifeline, pid, started: Instant::now(), runs: true }
    }

    /// A dead process's id stays taken until the guard ends, so a signal never meets another process.
    fn signal(&self, signal: Signal) {
        if self.hold.is_some() {
            // It is not an error if the process is dead already.
            let _ = kill_process(self.pid, signal);
        }
    }

    fn kill(&mut self) {
        self.runs = false;
        self.signal(Signal::KILL);
        assert!(self.is_dead(PATIENCE), "process {:?} survives SIGKILL", self.pid);
    }

    /// Whether the process ends within this time.
    fn is_dead(&self, within: Duration) -> bool {
        let within = Timespec::try_from(within).expect("seconds");
        let mut lifeline = [PollFd::new(&self.lifeline, PollFlags::IN)];
        loop {
            match poll(&mut lifeline, Some(&within)) {
                Ok(ready) => return ready > 0,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("can't watch process {:?}: {error}", self.pid),
            }
        }
    }

    /// Tells the guard to end, after it has killed the server.
    fn end(&mut self, word: &str) {
        if let Some(mut hold) = self.hold.take() {
            let _ = hold.write_all(word.as_bytes());
        }
        let _ = self.guard.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end("");
    }
}

/// Whether a thread of the process is neither stopped nor dead, by Linux' /proc.
fn moves(pid: Pid) -> bool {
    let threads = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).into_iter().flatten().flatten();
    threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok()).any(|stat| {
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        !matches!(state, None | Some('T' | 'Z' | 'X'))
    })
}
