"""What holds on every backend, as the Rust crate's conformance suite says it."""
