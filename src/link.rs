//! The engine over a Unix socket, so that one process has the store and many look at it.
//!
//! ```text
//! client                                            engine
//! muster-link 1 0.1.0 -\n              ------->     [handshake]: versions, and whose words these are
//!                                      <-------     welcome\n      or      refused: WORDS\n
//! frames: length, postcard of ToEngine ------->     [server]: a reader and a writer a connection
//!                                      <-------     frames: length, postcard of ToClient
//! ```
//!
//! A [`client`] gives the same [`EngineHandle`](crate::engine::EngineHandle) as an engine in the process
//! does: it reads the calls that a handle sends and writes the board that a handle reads. [`admission`] is
//! who may come in and as whom; [`place`] is where the socket lies. What goes over it is in [`protocol`].
//!
//! Queues: a connection has at most [`server::CALLS_AT_ONCE`] calls under way, and its reader takes no more
//! until an answer is written. Events wait in a bounded channel of the engine, which counts what does not fit.
//! Of state and pictures there is only the newest. A frame's memory grows with the bytes that came, never with
//! the length that was promised. Whoever does not read for [`server::PATIENCE`] is dropped.

pub mod admission;
pub mod client;
pub mod frame;
pub mod handshake;
pub mod place;
pub mod protocol;
pub mod server;

#[cfg(test)]
mod tests;
