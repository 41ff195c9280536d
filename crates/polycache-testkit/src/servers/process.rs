//! A server process that can't outlive the tests.

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

/// Programs and the Debian packages that bring them.
pub(super) const PROGRAMS: [(&str, &str); 3] =
    [("redis-server", "redis-server"), ("redis-cli", "redis-tools"), ("memcached", "memcached")];

pub(super) fn not_installed(program: &str, package: &str) -> String {
    format!("`{program}` isn't installed: `apt-get install {package}`, or `make setup` for all that the tests need")
}

/// How long a server may take to answer after its start, on a machine busy with other tests.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts the server and kills it when its own standard input ends, which the kernel sees to however the tests end. A line on
/// standard input means that the directory is still needed. The server holds the other end of standard output: it ends when the
/// server does.
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

/// What is started.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) program: &'static str,
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
    // Neither killed nor stopped by us.
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
        // The kernel stops a process a little after the signal was sent; where there is no /proc, that has to be good enough.
        while matches!(state(running.pid), Some(state) if state != 'T') {
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
        // The old guard ends after the new one has begun: the directory is never without one that would remove it.
        let mut old = std::mem::replace(&mut *running, Running::start(&self.launch, self.directory()));
        old.end("keep\n");
    }

    /// Waits until the server answers; the error says why it doesn't, and shows the server's own words.
    pub(super) async fn ready(&self, answers: impl AsyncFn() -> bool) -> Result<(), String> {
        let started = Instant::now();
        loop {
            if answers().await {
                return Ok(());
            }
            let trouble = if self.running().is_dead(Duration::ZERO) {
                "has ended"
            } else if started.elapsed() > PATIENCE {
                "doesn't answer"
            } else {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            };
            let Launch { program, arguments, .. } = &self.launch;
            return Err(format!("{program} {arguments:?} {trouble}; its output:\n{}", self.output()));
        }
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
        if let Some((_, package)) = PROGRAMS.iter().find(|(name, _)| name == program)
            && !super::is_installed(program)
        {
            panic!("{}", not_installed(program, package));
        }
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "polycache-guard"])
            .arg(directory)
            .arg(program)
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
        Self { guard, hold, lifeline, pid, runs: true }
    }

    /// Once the process is dead its id stays taken until the guard ends, so a signal never meets another process.
    fn signal(&self, signal: Signal) {
        if self.hold.is_some() {
            // A process that is dead already is not an error.
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

/// The letter that Linux shows for the state of a process.
fn state(pid: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}
