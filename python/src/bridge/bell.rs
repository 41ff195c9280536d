//! A file that becomes readable, by which another thread wakes an event loop.

use std::io;
use std::os::fd::BorrowedFd;

/// One wake-up, however often it is rung before it is heard.
#[derive(Debug)]
pub(super) struct Bell(sys::Bell);

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        sys::Bell::new().map(Self)
    }

    /// Makes the file readable. Can only fail if it is readable already.
    pub(super) fn ring(&self) {
        self.0.ring();
    }

    /// Makes the file unreadable again.
    pub(super) fn hush(&self) {
        self.0.hush();
    }

    pub(super) fn file(&self) -> BorrowedFd<'_> {
        self.0.file()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod sys {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

    use rustix::event::{EventfdFlags, eventfd};

    #[derive(Debug)]
    pub(super) struct Bell(OwnedFd);

    impl Bell {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
        }

        pub(super) fn ring(&self) {
            // Fails if the count is at its end: the file is readable then.
            let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
        }

        pub(super) fn hush(&self) {
            let _ = rustix::io::read(&self.0, &mut [0_u8; 8]);
        }

        pub(super) fn file(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod sys {
    use std::io::{self, Read, Write};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::net::UnixStream;

    #[derive(Debug)]
    pub(super) struct Bell {
        near: UnixStream,
        far: UnixStream,
    }

    impl Bell {
        pub(super) fn new() -> io::Result<Self> {
            let (near, far) = UnixStream::pair()?;
            near.set_nonblocking(true)?;
            far.set_nonblocking(true)?;
            Ok(Self { near, far })
        }

        pub(super) fn ring(&self) {
            // Fails if the buffer is full: the file is readable then.
            let _ = (&self.far).write(&[1]);
        }

        pub(super) fn hush(&self) {
            while (&self.near).read(&mut [0; 64]).is_ok_and(|read| read == 64) {}
        }

        pub(super) fn file(&self) -> BorrowedFd<'_> {
            self.near.as_fd()
        }
    }
}
