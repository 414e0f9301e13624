//! C interface to the Rust libraries that CareLedger uses. Every function is pure, takes borrowed memory for the time of the call,
//! and is safe from any thread. A null pointer is allowed only where its length is zero. A panic aborts the process.
#![deny(unsafe_op_in_unsafe_fn)]

mod ed25519;
mod hpke_x25519;
mod memory;
